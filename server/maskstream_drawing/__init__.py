"""Draws tracks into frames, the same in the client's videos and in the server's (numpy, Pillow)."""
