"""`maskstream eval`: run a model over annotated clips and print what it is worth."""

import click


@click.command("eval")
def evaluate() -> None:
    """Measure a model on annotated clips."""
    raise click.ClickException("the evaluation command is being put together")
