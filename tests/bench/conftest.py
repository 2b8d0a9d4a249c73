"""A Redis for those that measure one, and a short video."""

from pathlib import Path

import pytest

from support.lossless import write_lossless
from support.redis_server import own_redis, shared_redis
from support.tiny import tiny_frames

__all__ = ["own_redis", "shared_redis"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_lossless(tmp_path / "clip.mkv", tiny_frames(4))
