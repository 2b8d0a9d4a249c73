"""A worker and its way through a video."""
