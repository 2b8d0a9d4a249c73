"""Subcommands of the model package; each lives beside what it runs and imports torch when called.

The entry points of `pyproject.toml` name this module, so that one glance shows them all.
"""

from maskstream_model.evaluation.command import evaluate
from maskstream_model.evaluation.score_command import score
from maskstream_model.training.command import train
from maskstream_model.weightfiles.command import weights

__all__ = ["evaluate", "score", "train", "weights"]
