"""One session as pure rules: events in, actions out; no I/O."""
