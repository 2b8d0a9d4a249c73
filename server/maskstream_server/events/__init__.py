"""Events by rules on results (docs/events.md): pure, for sessions and whole videos alike."""
