"""Tracks without a trained tracker: the segment queries of frames, associated (docs/model.md 10)."""
