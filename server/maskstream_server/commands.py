"""`maskstream serve`. Imports nothing heavy until it runs, so that `maskstream --help` is quick."""

from typing import Any

import click

TASKS = ("panoptic", "semantic", "instances")


@click.command()
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one [default: 8000].")
@click.option("--model", help="Preset to run [default: demo].")
@click.option("--weights", help="Checkpoint (.pth or .safetensors); demo brings its own.")
@click.option("--task", type=click.Choice(TASKS), help="Of VIPSeg presets [default: panoptic].")
@click.option("--device", help="cpu, cuda or cuda:N [default: cpu].")
@click.option("--compile", type=click.Choice(["eager", "tensorrt"]), help="[default: eager]")
@click.option("--store", help="memory, or redis://host:port/db [default: memory].")
@click.option("--deterministic", is_flag=True, default=None, help="Batches of one: exact repeats.")
@click.option("--max-tracks", type=int, help="Tracks per session [default: 100].")
@click.option("--max-sessions", type=int, help="Connections with a session [default: 16].")
@click.option("--max-batch", type=int, help="Frames of different sessions per step [default: 8].")
@click.option("--threads", type=int, help="CPU threads of the model [default: torch's own].")
@click.option("--log-format", type=click.Choice(["console", "json"]), help="[default: console]")
def serve(**options: Any) -> None:
    """Serve a model: frames in over a WebSocket, masks with lasting identities out.

    Every option, and more, can be set as a variable: --port is MASKSTREAM_PORT.
    """
    from maskstream_server.errors import MaskstreamServerError

    try:
        _serve({name: value for name, value in options.items() if value is not None})
    except MaskstreamServerError as error:
        raise click.ClickException(str(error)) from None


def _serve(options: dict[str, Any]) -> None:
    from maskstream_server.log import set_up_logging
    from maskstream_server.settings import load_settings

    settings = load_settings(options)
    set_up_logging(settings.log_format, settings.log_level)

    from maskstream_server.assembly import assemble, load
    from maskstream_server.serving import bind, serve_forever

    with bind(settings.host, settings.port) as bound:
        serve_forever(assemble(settings, load(settings)), bound)
