"""What is in Redis 7 or Valkey: the only place that imports redis."""

from maskstream_server.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
