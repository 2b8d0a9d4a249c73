"""Fixtures of the laws: a real redis-server that all share."""

from support.redis_server import shared_redis

__all__ = ["shared_redis"]
