"""Delivers events of sessions from the outboxes of the store, at least once each and in order."""
