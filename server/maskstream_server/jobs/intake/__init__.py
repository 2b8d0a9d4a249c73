"""The ways in which videos come in, onto the disk and no further."""
