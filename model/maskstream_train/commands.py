"""Subcommands of training and evaluation; each lives beside what it runs, torch comes when called.

The entry points of `pyproject.toml` name this module, so that one glance shows them all.
"""

from maskstream_train.evaluation.command import evaluate
from maskstream_train.evaluation.score_command import score
from maskstream_train.training.command import train

__all__ = ["evaluate", "score", "train"]
