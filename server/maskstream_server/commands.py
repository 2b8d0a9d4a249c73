"""The subcommands that need a server; nothing heavy is imported until they run."""

from typing import TYPE_CHECKING, Any

import click

from maskstream_server.command_options import (
    MODEL_OPTIONS,
    run_with_settings,
    setting_options,
)

if TYPE_CHECKING:
    from maskstream_server.config.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one [default: 8000].")
@click.option(
    "--insecure", is_flag=True, default=None, help="Serve anyone who reaches it, without keys."
)
@click.option("--root-path", help="Path under which a proxy shows it, like /mask [default: none].")
@setting_options("model", "weights", "task", "min-size", "device")
@setting_options("backend", "precision", "compile")
@click.option("--store", help="memory, or redis://host:port/db [default: memory].")
@setting_options("deterministic", "max-tracks")
@click.option("--max-sessions", type=int, help="Connections with a session [default: 16].")
@click.option("--max-batch", type=int, help="Frames of different sessions per step [default: 8].")
@setting_options("threads", "data-folder", "bucket")
@click.option("--video-jobs", type=int, help="Whole videos at once; 0: workers do [default: 1].")
@setting_options("log-format")
def serve(**options: Any) -> None:
    """Serve a model: frames in over a WebSocket, masks with lasting identities out.

    Every option, and more, can be set as a variable: --port is MASKSTREAM_PORT.
    """
    run_with_settings(_serve, options)


@click.command()
@click.option("--store", help="redis://host:port/db of the servers.")
@setting_options("data-folder", "bucket")
@click.option("--video-jobs", type=int, help="Whole videos at once [default: 1].")
@setting_options(*MODEL_OPTIONS)
@click.option("--metrics-port", type=int, help="For /metrics and /readyz [default: none].")
@click.option("--check", is_flag=True, help="Only say whether the worker of this machine lives.")
def worker(check: bool, **options: Any) -> None:
    """Work on whole videos that servers have taken in; they share a Redis, and a folder or bucket.

    Every option, and more, can be set as a variable: --store is MASKSTREAM_STORE.
    """
    run_with_settings(_check if check else _work, options)


def _work(settings: "Settings") -> None:
    from maskstream_server.lifecycle.models import load
    from maskstream_server.lifecycle.server import bind, url_of
    from maskstream_server.lifecycle.store_rights import check_store_rights
    from maskstream_server.lifecycle.trimming import trimmed_memory
    from maskstream_server.lifecycle.worker import check_shared, work_forever

    def ready() -> None:
        where = "" if watched is None else f", watched at {url_of(watched)}"
        name = models.live.info.name
        print(f"maskstream works on videos with {name} on {settings.device}{where}", flush=True)

    check_shared(settings)
    check_store_rights(settings, sessions=False)
    port = settings.metrics_port
    watched = None if port is None else bind(settings.host, port)
    models = load(settings)
    with trimmed_memory():
        work_forever(settings, models, ready, watched=watched)


def _check(settings: "Settings") -> None:
    from maskstream_server.jobs.queue import check_worker

    check_worker(settings.store)


def _serve(settings: "Settings") -> None:
    from maskstream_server.http.access import check_open
    from maskstream_server.lifecycle.assembly import assemble
    from maskstream_server.lifecycle.models import load
    from maskstream_server.lifecycle.server import bind, serve_forever
    from maskstream_server.lifecycle.store_rights import check_store_rights
    from maskstream_server.lifecycle.trimming import trimmed_memory

    with bind(settings.host, settings.port) as bound:
        check_open(bound.getsockname()[0], settings)
        check_store_rights(settings, sessions=True)
        service = assemble(settings, load(settings))
        with trimmed_memory():
            serve_forever(service, bound)
