#!/usr/bin/env bash
# Ends with a sentence where the given Python is none that Maskstream runs on; before anything is made.
set -euo pipefail
python=$1
needed=3.11

say() { echo "$* Name another one: make demo PYTHON=python3.12" >&2; exit 1; }

found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) \
  || say "Maskstream needs Python $needed or later; there is no $python that runs."
[ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" = "$needed" ] \
  || say "Maskstream needs Python $needed or later; $python is $found."
