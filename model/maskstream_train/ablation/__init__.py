"""Which part of the method does what: trackers that differ in one switch, side by side."""
