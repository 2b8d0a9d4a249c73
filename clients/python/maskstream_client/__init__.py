"""The Maskstream client: sync, async and command line; never imports torch."""
