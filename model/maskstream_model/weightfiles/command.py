"""`maskstream weights`: which weights there are, what a file holds, and a file of our own."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskstream_model.command_errors import click_errors
from maskstream_model.weightfiles.pull_command import pull_weights

if TYPE_CHECKING:
    from maskstream_model.releases import Release
    from maskstream_model.weightfiles.inspection import Inspection

FILE = click.Path(path_type=Path)
_preset = click.option("--preset", metavar="NAME", help="The preset the file is for.")


@click.group()
def weights() -> None:
    """List, pull, check and convert weight files."""


weights.add_command(pull_weights)


@weights.command("list")
def list_released() -> None:
    """Show the presets, with the scores that their authors report and where they publish them."""
    from maskstream_model.families import releases

    heading = ("preset", "task", "data", "reported", "size", "licence", "published at")
    lines = [heading, *map(_row, releases())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    notes = (
        "* with a caution, which a pull shows and has confirmed.",
        "Scores are their authors' own, in percent; none of them was measured here.",
    )
    # At once, so that `| head` does not make the rest fail.
    click.echo("\n".join((*rows, "", *notes)))


def _row(release: "Release") -> tuple[str, ...]:
    size = "" if release.size is None else f"{release.size / 1e6:.0f} MB"
    licence = release.licence or ("not stated" if release.source or release.by_hand else "")
    licence += "*" if release.caution else ""
    facts = (release.preset, release.task, release.data, release.reported, size, licence)
    return tuple(cell or "-" for cell in (*facts, release.source or release.publisher))


@weights.command()
@click.argument("file", type=FILE)
@_preset
@click_errors()
def verify(file: Path, preset: str | None) -> None:
    """Say which preset FILE fits, and what is missing, left over or of another shape."""
    from maskstream_model.weightfiles.fitting import names_of
    from maskstream_model.weightfiles.inspection import inspect

    inspection = inspect(file, preset)
    values = sum(tensor.numel() for tensor in inspection.weights.values())
    click.echo(f"{file}: {len(inspection.weights)} tensors, {values / 1e6:.2f} million values")
    if not inspection.exact:
        _print_misfits(inspection)
    inspection.check()
    click.echo(f"fits {names_of(inspection.exact)}")
    if len(inspection.exact) > 1:
        click.echo("Their names and shapes are the same: only the file's origin decides which.")


def _print_misfits(inspection: "Inspection") -> None:
    """Print what keeps a file from the preset that it comes nearest to."""
    if not inspection.fits:
        return
    nearest = inspection.fits[0]
    if not nearest.misfits.num_matching and inspection.asked is None:
        return
    click.echo(f"nearest preset: {nearest.preset}")
    for what, names in (
        ("missing", nearest.misfits.missing),
        ("left over", nearest.misfits.unexpected),
        ("of another shape", nearest.misfits.shapes),
    ):
        if names:
            click.echo(f"{what} ({len(names)}): {', '.join(names)}")


@weights.command("convert")
@click.argument("file", type=FILE)
@click.argument("out", type=FILE, metavar="OUT.safetensors")
@_preset
@click_errors()
def convert_file(file: Path, out: Path, preset: str | None) -> None:
    """Write FILE in our own format, with its preset and fingerprint; an old OUT is replaced."""
    from maskstream_model.weightfiles.conversion import convert

    chosen, fingerprint = convert(file, out, preset)
    click.echo(f"{out}: {chosen}, fingerprint {fingerprint}")
