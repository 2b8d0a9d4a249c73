#!/usr/bin/env bash
# Checks the image and the deployment without building or starting anything. A tool that is not
# here is passed over with a sentence: both are only needed by who changes these files.
set -euo pipefail
cd "$(dirname "$0")/.."
needed=2.24

if hadolint --version >/dev/null 2>&1; then
  hadolint docker/*.Dockerfile
else
  echo "check_docker.sh: there is no hadolint; the Dockerfile is not checked" >&2
fi

compose=$(docker compose version --short 2>/dev/null || true)
if [ "$(printf '%s\n' "$needed" "${compose#v}" | sort -V | head -n 1)" = "$needed" ]; then
  for profile in cpu gpu camera alerts; do
    docker compose --env-file .env.example --profile "$profile" config --quiet
  done
else
  echo "check_docker.sh: no docker compose >= $needed; docker-compose.yml is not checked" >&2
fi

for script in docker/*.sh docker/*/*.sh scripts/*.sh; do
  bash -n "$script"
done
