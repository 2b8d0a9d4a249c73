"""Packs real pictures of several sources into one file for training (`scripts/pack_demo.py`)."""
