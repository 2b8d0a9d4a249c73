"""How benches end: a report as JSON, on standard output and where it was asked for."""

import json
from pathlib import Path
from typing import Any

import click


def tell(report: dict[str, Any], out: Path | None) -> None:
    """Print the report, and write it to `out`."""
    text = json.dumps(report, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


def size_text(height: int, width: int) -> str:
    """A size as all commands have it: WIDTHxHEIGHT."""
    return f"{width}x{height}"
