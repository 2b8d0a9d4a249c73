"""Subcommands of training and evaluation; torch is imported when one runs.

The entry points of `pyproject.toml` name modules of this package.
"""

from maskstream_train.commands.evaluate import evaluate
from maskstream_train.commands.score import score
from maskstream_train.commands.train import train

__all__ = ["evaluate", "score", "train"]
