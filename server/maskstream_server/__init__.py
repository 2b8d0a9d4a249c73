"""The Maskstream server: frames in over a WebSocket, masks with identities out."""
