"""Train MDQE with and without mask repulsion and compare them: docs/ablation.md.

Usage: python scripts/mdqe_trial.py OUT [STEPS]. A stopped trial goes on.
"""

import sys
from pathlib import Path

import torch

from maskstream_train.ablation.crowds import Trial, run_trial

if __name__ == "__main__":
    torch.set_num_threads(1)
    out, *steps = sys.argv[1:]
    trial = Trial(Path(out), int(steps[0])) if steps else Trial(Path(out))
    run_trial(trial, lambda line: print(line, flush=True))
