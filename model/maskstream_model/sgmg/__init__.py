"""SgMg: masks of what sentences name, by Spectrum-guided Multi-granularity (docs/model.md 13)."""
