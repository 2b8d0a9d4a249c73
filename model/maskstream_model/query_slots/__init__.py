"""Models whose queries live as long as a video: a query is a track (docs/decisions/0073)."""
