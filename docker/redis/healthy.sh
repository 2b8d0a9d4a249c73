#!/bin/sh
# Healthy: it answers, and is not still reading its file.
set -eu
REDISCLI_AUTH=$(tr -d '\r\n' < /run/secrets/store_password)
export REDISCLI_AUTH
[ "$(redis-cli ping)" = PONG ]
