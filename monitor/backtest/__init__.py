"""What the rules would have done: the daemon's own cycle over polls that were made before."""
