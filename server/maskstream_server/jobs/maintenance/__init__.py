"""Keeps records and files of videos together, and removes what is no longer needed."""
