#!/bin/sh
# Starts Redis 7 (or Valkey, which answers to the same names). The password goes in by a file in
# memory, so that neither `ps` nor `docker inspect` shows it.
set -eu
umask 077
password=$(tr -d '\r\n' < /run/secrets/store_password)
if [ -z "$password" ]; then
  echo "start.sh: secrets/store_password is empty: run docker/prepare.sh" >&2
  exit 1
fi
{
  cat /etc/maskstream/redis.conf
  echo "appendfsync $APPENDFSYNC"
  echo "maxmemory $MAXMEMORY"
  echo "requirepass \"$password\""
} > /tmp/redis.conf
exec redis-server /tmp/redis.conf
