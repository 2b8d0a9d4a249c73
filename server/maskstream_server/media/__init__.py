"""Untrusted videos: decoded in a child process with limits, and drawn into new files.

Importing this package imports neither torch nor PyAV nor numpy: the child must start quickly.
"""
