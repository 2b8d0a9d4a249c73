"""Pre- and post-processing of the tasks; no networks here."""
