"""Bytes of connections before any route sees them: uvicorn's protocols, with bounds of ours."""
