"""`maskstream eval`: run a model over annotated clips and print what it is worth."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maskstream_model.backends.table import AUTO, CHOICES, EAGER, PRECISIONS
from maskstream_model.command_errors import click_errors, printable
from maskstream_model.command_options import FrameSize, weights_option
from maskstream_train.commands.shared import EXISTING, json_option, print_report
from maskstream_train.evaluation.transience import OBJECTS

if TYPE_CHECKING:
    from maskstream_train.evaluation.request import Begin


@click.command("eval")
@click.option("--preset", default="demo", show_default=True, help="Which model.")
@weights_option
@click.option("--device", default="cpu", show_default=True, help="Where it runs: cpu, cuda:0.")
@click.option(
    "--backend",
    type=click.Choice(CHOICES),
    default=EAGER,
    show_default=True,
    help="What computes the network; refused where it differs from eager.",
)
@click.option("--precision", type=click.Choice(PRECISIONS), default=AUTO, help="Of the backend.")
@click.option(
    "--compile-size",
    type=FrameSize(),
    multiple=True,
    help="Frames that the backend's engines are for; others run eagerly.  [default: --size]",
)
@click.option(
    "--data",
    default="synthetic",
    show_default=True,
    help="'synthetic', or a YouTube-VIS style folder or annotation file.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["ytvis", "ovis", "vipseg", "ref-ytvos", "ref-davis", "coco", "packed"]),
    help="Run --data as this benchmark: write its results, print the official numbers. "
    "coco: pictures, each the first frame of a session; packed: those held out of training.",
)
@click.option(
    "--objects",
    type=click.Choice(OBJECTS),
    default="all",
    show_default=True,
    help="With --format: measure only those that emerge, disappear, or either.",
)
@click.option(
    "--beyond",
    type=EXISTING,
    help="With --format: leave out videos whose folder this file of annotations lists too.",
)
@click.option(
    "--names",
    default="",
    metavar="A,B,C",
    help="With --format coco, packed: categories to measure; left out, those the model knows.",
)
@click.option(
    "--clips", type=click.IntRange(1), default=50, show_default=True, help="Synthetic clips."
)
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=24,
    show_default=True,
    help="Frames of a synthetic clip.",
)
@click.option("--size", type=FrameSize(), default="448x256", show_default=True)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Which evaluation set; never trained on.",
)
@click.option("--cutouts", type=EXISTING, help="Folder of real cut-outs for synthetic clips.")
@click.option("--textures", type=EXISTING, help="Folder of real pictures and videos, likewise.")
@click.option(
    "--truth", type=EXISTING, help="When objects are there; --data is then a folder of frames."
)
@click.option(
    "--tracker",
    type=click.Choice(["daq", "hungarian"]),
    default="daq",
    show_default=True,
    help="'hungarian' puts the training-free baseline beside the model, at equal recall.",
)
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Override a rule.")
@click.option("--sweep", is_flag=True, help="Try a grid of thresholds on the same segmentations.")
@click.option("--grid", multiple=True, metavar="NAME=A,B,C", help="Values of a rule for --sweep.")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Hide weaker tracks.",
)
@click.option("--agnostic", is_flag=True, help="Leave classes aside.")
@json_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the tracks in the form of YouTube-VIS results. With --format results.json where "
    "left out, for VIPSeg and sentences a folder: results.",
)
def evaluate(**options: Any) -> None:
    """Measure a model on annotated clips: VIS AP, emergence, disappearance, identities."""
    from maskstream_train.evaluation.request import Request
    from maskstream_train.evaluation.run import answer

    as_json = options.pop("as_json")
    with click_errors(), _progress(quiet=as_json) as begin:
        result = answer(Request(**options), begin)
    print_report(result, as_json)
    if not as_json:
        for note in result.notes:
            click.echo(printable(note))


@contextmanager
def _progress(quiet: bool) -> Iterator["Begin"]:
    """Give a function that starts a bar of so many frames; it writes to stderr."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:

        def begin(total: int) -> Callable[[int], None]:
            task = bar.add_task("frames", total=total)
            return lambda done: bar.advance(task, done)

        yield begin
