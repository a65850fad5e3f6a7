"""The market as values: hostnodes, offers, snapshots, quotes. Pure: no clock, log or network."""
