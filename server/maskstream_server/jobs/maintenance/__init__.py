"""Keeps records and files of videos together, and removes what nobody needs."""
