#!/usr/bin/env bash
# Installs torch alone: scripts/install_torch.sh auto|cpu|default PIP INSTALL COMMAND...
# A build with CUDA is several gigabytes: where no NVIDIA GPU answers, the one for CPUs is taken,
# from its own index, and the default index where that cannot be reached. TORCH_INDEX wins.
set -euo pipefail
build=$1
shift
cpu_index=https://download.pytorch.org/whl/cpu

say() { echo "install_torch.sh: $*" >&2; }

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi --list-gpus 2>/dev/null | grep -q GPU; }

case $build in
  auto) if has_gpu; then build=default; else build=cpu; fi ;;
  cpu | default) ;;
  *) say "TORCH=$build is none of auto, cpu and default."; exit 1 ;;
esac

if [ -n "${TORCH_INDEX:-}" ]; then
  "$@" torch --index-url "$TORCH_INDEX"
elif [ "$build" = default ]; then
  "$@" torch
elif ! "$@" --retries 0 --timeout 20 torch --index-url "$cpu_index" 2>/dev/null; then
  say "The index of torch for CPUs does not answer; torch comes from the default index."
  "$@" torch
fi
