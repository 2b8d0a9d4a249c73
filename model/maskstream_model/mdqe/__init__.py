"""MDQE: clips of a few frames are segmented together, then linked (docs/model.md 14)."""
