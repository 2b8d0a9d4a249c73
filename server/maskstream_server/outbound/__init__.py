"""Requests that the server itself makes, to addresses that clients name."""
