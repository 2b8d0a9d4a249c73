"""GenVIS: queries that read a clip's frames and a memory of their own past (docs/model.md 15)."""
