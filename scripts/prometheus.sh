#!/usr/bin/env bash
# Prints a folder with `prometheus` and `promtool`, with which tests try rules and dashboards: that
# on PATH, else Debian's package unpacked into the virtual environment (nothing is installed, no
# service starts). Says what it does on standard error; tests are skipped where there is neither.
set -euo pipefail
cd "$(dirname "$0")/.."

unpacked=${VENV:-.venv}/prometheus
say() { echo "prometheus.sh: $*" >&2; }

if promtool=$(command -v promtool) && command -v prometheus >/dev/null; then
  dirname "$promtool"
elif [ ! -x "$unpacked/usr/bin/promtool" ]; then
  say "unpacking Debian's prometheus into $unpacked"
  mkdir -p "$unpacked"
  { timeout 120 apt-get -qq update || true
    (cd "$unpacked" && timeout 180 apt-get -qq download prometheus && dpkg -x prometheus_*.deb . \
      && rm prometheus_*.deb)
  } >/dev/null 2>&1 || { say "it cannot be had here"; exit 1; }
  realpath "$unpacked/usr/bin"
else
  realpath "$unpacked/usr/bin"
fi
