"""The engine: one thread that steps the model, and what it makes of its outputs."""
