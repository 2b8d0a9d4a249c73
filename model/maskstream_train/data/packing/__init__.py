"""Packs real pictures of several sources into one file to learn from (`scripts/pack_demo.py`)."""
