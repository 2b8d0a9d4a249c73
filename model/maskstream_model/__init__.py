"""DVIS-DAQ, online: networks, trackers and their rules. `load_model` is the entry."""
