"""Untrusted units of videos, decoded in order in a process of each session."""
