"""Errors of the model package.

MaskstreamModelError(Exception)
├── ConfigError        a preset, an override or a combination of them that cannot be
├── CheckpointError    a weight file that does not fit, or cannot be read
├── DownloadError      a published weight file that cannot be fetched, or is the wrong one
├── StateError         bytes that are no state of this model
├── FrameError         a picture that the model cannot take
├── PromptError        prompts that the model needs, or does not take
├── DatasetError       training or evaluation data that is not what it should be
├── CompileError       a backend that cannot run here, or differs from eager
└── TrainingError      a training run that cannot start, be resumed, or continue
"""


class MaskstreamModelError(Exception):
    """Root of all errors that this package raises on purpose; the text is for users."""


class ConfigError(MaskstreamModelError):
    """A preset name, an override or a combination of settings is not valid."""


class CheckpointError(MaskstreamModelError):
    """A weight file is missing, unreadable, or does not fit the model."""


class DownloadError(MaskstreamModelError):
    """A published weight file cannot be fetched, or is not the one that it should be."""


class StateError(MaskstreamModelError):
    """Bytes given as a tracker state are damaged or belong to another model."""


class FrameError(MaskstreamModelError):
    """A frame has the wrong type or shape."""


class PromptError(MaskstreamModelError):
    """Prompts are needed and missing, not taken by this model, or too many."""


class DatasetError(MaskstreamModelError):
    """A folder or file of training or evaluation data is not what it should be."""


class CompileError(MaskstreamModelError):
    """A backend cannot run here, its compiler failed, or its results differ from those of eager."""


class TrainingError(MaskstreamModelError):
    """A training run cannot start, be resumed, or continue."""


def first_line(error: Exception) -> str:
    """Return the kind of an error and the first line of its message, for a sentence."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
