#!/bin/sh
# Starts Redis 7 (or Valkey, which answers to the same names). The password goes in by a file in
# memory, so that neither `ps` nor `docker inspect` shows it.
set -eu
umask 077
{
  cat /etc/maskstream/redis.conf
  echo "appendfsync $APPENDFSYNC"
  echo "maxmemory $MAXMEMORY"
  echo "requirepass \"$(cat /run/secrets/store_password)\""
} > /tmp/redis.conf
exec redis-server /tmp/redis.conf
