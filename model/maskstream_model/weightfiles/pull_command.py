"""`maskstream weights pull`."""

import click

from maskstream_model.command_errors import click_errors

INTERRUPTED = 130


@click.command("pull")
@click.argument("preset", metavar="NAME")
@click.option(
    "--from",
    "origin",
    metavar="FOLDER|FILE|URL",
    help="Take the file from here, not from where it is published.",
)
@click.option(
    "--yes",
    "--accept-licence",
    "yes",
    is_flag=True,
    help="Agree to licence and caution, where one has to be agreed to; both are shown.",
)
@click.option(
    "--refresh", is_flag=True, help="Pull it again; accept a file that its publisher replaced."
)
@click_errors()
def pull_weights(preset: str, origin: str | None, yes: bool, refresh: bool) -> None:
    """Download the published weights of a preset, check and convert them, and keep them.

    `maskstream serve --model NAME` then finds them. MASKSTREAM_WEIGHTS_DIR names the folder,
    HF_ENDPOINT another hub, HF_TOKEN a token for it. A download that broke off is continued.
    """
    from maskstream_model.families import release_of
    from maskstream_model.weightfiles.pull import pull
    from maskstream_model.weightfiles.terminal import Terminal

    if release_of(preset) is None:
        click.echo(f"{preset} needs nothing: it brings its weights, or has none")
        return
    try:
        with Terminal(agrees=yes) as terminal:
            pulled = pull(preset, terminal, origin, refresh)
    except KeyboardInterrupt:
        click.echo("\nStopped; the same command continues the download.", err=True)
        raise SystemExit(INTERRUPTED) from None
    how = "was there already" if pulled.fingerprint is None else f"fingerprint {pulled.fingerprint}"
    click.echo(f"{pulled.path}: {preset}, {how}")
    click.echo(f"Next: maskstream serve --model {preset}", err=True)
