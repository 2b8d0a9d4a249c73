"""Session stores: in-process and Redis, one interface."""
