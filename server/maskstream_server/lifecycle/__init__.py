"""From settings to a running server or worker, and to its end."""
