"""DVIS-DAQ: query trackers with dynamic anchors, their rules and their memory."""
