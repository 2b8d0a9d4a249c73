"""`maskstream doctor`. Imports nothing heavy until it runs, so that `--help` is quick."""

from functools import partial
from typing import Any

import click

from maskstream_model.backends.table import AUTO, CHOICES, EXACT, PRECISIONS


@click.command()
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=int, help="Its port [default: 8000].")
@click.option("--insecure", is_flag=True, default=None, help="Let every client in, without keys.")
@click.option("--model", help="Preset to run [default: demo].")
@click.option("--weights", help="Weight file, or auto [default: those pulled].")
@click.option("--task", help="Of VIPSeg presets [default: panoptic].")
@click.option("--device", help="cpu, cuda or cuda:N [default: cpu].")
@click.option("--backend", help=f"{', '.join(CHOICES)} [default: {AUTO}].")
@click.option("--precision", help=f"{', '.join(PRECISIONS)} [default: {EXACT}].")
@click.option("--compile", hidden=True, help="Old name of --backend.")
@click.option(
    "--backends", "all_backends", is_flag=True, help="Build and compare every backend, no more."
)
@click.option("--store", help="memory, or redis://host:port/db [default: memory].")
@click.option("--bucket", help="s3://bucket/folder for whole videos, instead of a folder.")
@click.option("--data-folder", help="Folder of whole videos.")
@click.option("--threads", type=int, help="CPU threads of the model [default: as many as help].")
@click.option("--metrics-port", type=int, help="Of a worker, for /metrics and /readyz.")
@click.option("--worker", is_flag=True, help="Look as `maskstream worker` would run, not a server.")
@click.option(
    "--adopt", is_flag=True, help="Let store and data folder (or bucket) belong together as is."
)
@click.option("--json", "as_document", is_flag=True, help="Print one JSON document.")
def doctor(
    as_document: bool, all_backends: bool, worker: bool, adopt: bool, **options: Any
) -> None:
    """Look at device, codecs, store, clock, port and model, and say what to do about each.

    Takes the options and variables (MASKSTREAM_*) of `maskstream serve`, or with --worker those of
    `maskstream worker`, which serves no clients. Exits with 1 where something has failed. Changes
    nothing, but with --adopt: videos without a record then go to the quarantine, a few a minute.
    With --backends it builds all that the model could run on here, for minutes where a compiler
    works (what it does then goes to standard error), and says how far the results are from those
    of eager.
    """
    from maskstream_server.doctor.checks import BACKEND_CHECKS, CHECKS, examine
    from maskstream_server.doctor.finding import as_json, healthy, lines_of, verdict
    from maskstream_server.telemetry.log import set_up_logging

    set_up_logging("console", "warning")
    findings = []
    given = {name: value for name, value in options.items() if value is not None}
    checks = BACKEND_CHECKS if all_backends else CHECKS
    say = partial(click.echo, err=True)  # beside the report: engines take minutes
    for finding in examine(given, worker=worker, adopt=adopt, checks=checks, report=say):
        findings.append(finding)
        if not as_document:
            for line in lines_of(finding):
                click.echo(line)
    what = "worker" if worker else "server"
    click.echo(as_json(findings) if as_document else verdict(findings, what))
    if not healthy(findings):
        raise SystemExit(1)
