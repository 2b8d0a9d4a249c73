"""Sessions as files: recorded, exported, replayed (docs/exports.md)."""

from maskstream_client.recordings.recording import Recording

__all__ = ["Recording"]
