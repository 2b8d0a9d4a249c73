"""Options that several commands of a server have, and the one way in which commands end."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from maskstream_model.compilers import BACKENDS

if TYPE_CHECKING:
    from maskstream_server.config.settings import Settings


model_option = click.option("--model", help="Preset to run [default: demo].")
weights_option = click.option(
    "--weights", help="Checkpoint (.pth or .safetensors); demo brings its own."
)
task_option = click.option(
    "--task",
    type=click.Choice(("panoptic", "semantic", "instances")),
    help="Of VIPSeg presets [default: panoptic].",
)
device_option = click.option("--device", help="cpu, cuda or cuda:N [default: cpu].")
compile_option = click.option("--compile", type=click.Choice(BACKENDS), help="[default: eager]")
deterministic_option = click.option(
    "--deterministic", is_flag=True, default=None, help="Batches of one: exact repeats."
)
max_tracks_option = click.option(
    "--max-tracks", type=int, help="Tracks per session [default: 100]."
)
threads_option = click.option(
    "--threads", type=int, help="CPU threads of the model [default: as many as pay]."
)
data_folder_option = click.option(
    "--data-folder", help="Where videos lie [default: temporary; needed with a Redis]."
)
bucket_option = click.option(
    "--bucket", help="s3://bucket/folder where videos lie instead [default: none]."
)
log_format_option = click.option(
    "--log-format", type=click.Choice(["console", "json"]), help="[default: console]"
)


def runs_alone(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a process is asked that runs a model for nobody who connects."""
    options = (
        model_option,
        weights_option,
        task_option,
        device_option,
        compile_option,
        deterministic_option,
        max_tracks_option,
        threads_option,
    )
    for option in (log_format_option, *reversed(options)):
        command = option(command)
    return command


def in_one_sentence(command: Callable[["Settings"], None], options: dict[str, Any]) -> None:
    """Run with settings; what can go wrong is told in one sentence."""
    from maskstream_server.config.settings import load_settings
    from maskstream_server.error_answers import command_error
    from maskstream_server.errors import MaskstreamServerError
    from maskstream_server.telemetry.log import set_up_logging

    try:
        settings = load_settings({k: value for k, value in options.items() if value is not None})
        set_up_logging(settings.log_format, settings.log_level)
        command(settings)
    except MaskstreamServerError as error:
        raise command_error(error) from None
