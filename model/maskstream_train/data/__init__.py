"""Data: synthetic clips and dataset readers."""
