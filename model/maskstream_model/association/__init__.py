"""Tracks without a trained tracker: the segment queries associated (docs/model.md 12)."""
