"""The past as values: step functions, distributions, summaries. Pure: no clock, log or database."""
