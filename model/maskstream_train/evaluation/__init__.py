"""Metrics: VIS AP and AR, VPQ and STQ, emergence and disappearance."""
