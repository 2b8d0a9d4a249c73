"""Options of commands that are settings, and the one way in which commands end."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from maskstream_model.backends.table import CHOICES, PRECISIONS

if TYPE_CHECKING:
    from maskstream_server.config.settings import Settings

T = TypeVar("T")
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "model": {"help": "Preset to run [default: demo]."},
    "weights": {
        "help": "Weight file; auto pulls those that are not here yet [default: those pulled]."
    },
    "task": {
        "type": click.Choice(("panoptic", "semantic", "instances")),
        "help": "Of VIPSeg presets [default: panoptic].",
    },
    "min-size": {
        "type": int,
        "help": "Shorter side of frames in the network; smaller is faster [default: the preset's].",
    },
    "device": {"help": "cpu, cuda or cuda:N [default: cpu]."},
    "backend": {
        "type": click.Choice(CHOICES),
        "help": "What computes the network [default: auto, which is eager on a CPU].",
    },
    "precision": {"type": click.Choice(PRECISIONS), "help": "Of a backend [default: float32]."},
    "compile": {"type": click.Choice(CHOICES), "hidden": True, "help": "Old name of --backend."},
    "deterministic": {
        "is_flag": True,
        "default": None,
        "help": "Batches of one: exact repeats.",
    },
    "max-tracks": {"type": int, "help": "Tracks per session [default: 100]."},
    "threads": {"type": int, "help": "CPU threads of the model [default: as many as help]."},
    "data-folder": {"help": "Folder of whole videos [default: temporary; needed with a Redis]."},
    "bucket": {"help": "s3://bucket/folder that keeps them instead [default: none]."},
    "log-format": {"type": click.Choice(["console", "json"]), "help": "[default: console]"},
}
MODEL_OPTIONS: Final = (
    *("model", "weights", "task", "min-size", "device", "backend", "precision", "compile"),
    *("deterministic", "max-tracks", "threads", "log-format"),
)
"""Options of a process that runs a model without serving connections."""


def setting_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds these options to a command, in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            command = click.option(f"--{name}", **_OPTIONS[name])(command)
        return command

    return add


def run_with_settings(command: Callable[["Settings"], T], options: dict[str, Any]) -> T:
    """Return what a command does; an error of ours ends it with one sentence."""
    from maskstream_server.config.settings import load_settings
    from maskstream_server.error_answers import command_error
    from maskstream_server.errors import MaskstreamServerError
    from maskstream_server.telemetry.log import set_up_logging

    try:
        settings = load_settings({k: value for k, value in options.items() if value is not None})
        set_up_logging(settings.log_format, settings.log_level)
        return command(settings)
    except MaskstreamServerError as error:
        raise command_error(error) from None
