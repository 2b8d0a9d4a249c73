"""`maskstream export`: a model for other runtimes."""

from pathlib import Path

import click

from maskstream_model.command_errors import click_errors
from maskstream_model.command_options import FrameSize, weights_option


@click.command()
@click.option("--model", "preset", default="demo", show_default=True, help="Which preset.")
@weights_option
@click.option("--to", type=click.Choice(["onnx"]), default="onnx", show_default=True)
@click.option(
    "--size", type=FrameSize(), default="1280x720", show_default=True, help="Of the frames."
)
@click.option(
    "--max-batch",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Most pictures at once; 1 gives a graph for exactly one.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click_errors()
def export(
    preset: str, weights: str | None, to: str, size: tuple[int, int], max_batch: int, out: Path
) -> None:
    """Write the segmenter of a model as an ONNX graph, after its outputs were compared with ours.

    The graph has a fixed size of pictures. docs/onnx.md says what it takes and gives; tracking is
    no part of it. Files of results are made by `maskstream results export` and `videos export`.
    """
    from maskstream_model import load_model
    from maskstream_model.families import live_model
    from maskstream_model.onnx_graph import write_segmenter

    model = live_model(preset, load_model(preset, weights))
    try:
        height, width = write_segmenter(model, size, out, max_batch)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}") from error
    pictures = "one picture" if max_batch == 1 else f"1 to {max_batch} pictures"
    click.echo(
        f"{out}: segmenter of {model.info.name} for {pictures} of {width}x{height}, same outputs"
    )
