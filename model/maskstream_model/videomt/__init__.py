"""VidEoMT: a vision transformer that segments and tracks by itself (docs/model.md 10)."""
