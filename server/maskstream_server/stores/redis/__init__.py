"""Sessions and videos in Redis 7 or Valkey: the only place that imports redis."""

from maskstream_server.stores.redis.store import RedisStore
from maskstream_server.stores.redis.videos import RedisVideoStore

__all__ = ["RedisStore", "RedisVideoStore"]
