"""`maskstream bench store`: what a shared store costs a stream, and how fast a takeover is."""
