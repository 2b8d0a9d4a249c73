#!/usr/bin/env bash
# Runs the tests that compare numbers with recordings as other CPUs would compute them: under four
# sets of kernels of torch and MKL, and under rounding noise of a few seeds (SEEDS="1 2 3").
# Arguments go to pytest in place of these tests.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=("$@")
[ $# -gt 0 ] || tests=(tests/golden tests/model/association tests/model/daq
  tests/model/genvis tests/model/mask2former tests/model/mdqe tests/model/tasks
  tests/model/sgmg tests/model/videomt)
failed=0

run() {  # label, then environment and options of pytest
  local label=$1 && shift
  echo "== $label"
  env OMP_NUM_THREADS=1 "$@" "${tests[@]}" || failed=1
}

pytest=(.venv/bin/python -m pytest --quiet)
run "the default kernels" "${pytest[@]}"
run "torch without AVX-512" ATEN_CPU_CAPABILITY=avx2 "${pytest[@]}"
run "MKL without AVX-512" MKL_ENABLE_INSTRUCTIONS=AVX2 "${pytest[@]}"
run "both without AVX-512" ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 "${pytest[@]}"
for seed in ${SEEDS:-1 2 3}; do
  run "rounding noise $seed" OTHER_CPU="$seed" "${pytest[@]}" -p support.other_cpu
done
exit $failed
