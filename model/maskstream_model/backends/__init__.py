"""Backends: what computes a model's network faster, each compared with eager before it serves."""
