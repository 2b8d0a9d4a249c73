"""Untrusted pictures: decoded in warm worker processes with limits of memory and time.

Importing what a worker imports brings in neither torch nor numpy: it must start quickly.
"""
