"""Rules: which offers match, and the life of the alerts that follow. Pure: `now` is an argument."""
