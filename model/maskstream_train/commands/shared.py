"""What several commands of training share: types of paths, options, how reports are printed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from maskstream_train.evaluation.printable import PrintableReport

EXISTING = click.Path(exists=True, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, not a table.")


def print_report(report: "PrintableReport", as_json: bool) -> None:
    """Print the tables of a report, or all of it as JSON; its notes are for the caller."""
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
        return
    from rich.console import Console

    console = Console()
    for table in report.tables():
        console.print(table)
