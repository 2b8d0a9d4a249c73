"""Metrics: VIS AP and AR, emergence and disappearance."""
