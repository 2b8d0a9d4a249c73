#!/usr/bin/env bash
# Prints the path of a Chromium that tests of the page may drive: the one on PATH, else Debian's
# package where we may install it. Says what it does on standard error.
set -euo pipefail

say() { echo "chromium.sh: $*" >&2; }

on_path() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

from_debian() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing Debian's chromium"
  local get=(timeout 600 env DEBIAN_FRONTEND=noninteractive apt-get -qq)
  { "${get[@]}" update && "${get[@]}" install -y --no-install-recommends chromium; } >/dev/null
}

on_path || { from_debian && on_path; } || {
  say "no Chromium on PATH: install one (Debian: apt-get install chromium); tests of the page are skipped"
  exit 1
}
