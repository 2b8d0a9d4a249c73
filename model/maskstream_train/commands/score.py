"""`maskstream score`: compare result files with annotations and print what they are worth."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskstream_model.command_errors import click_errors, printable
from maskstream_train.commands.shared import EXISTING, FILE, FOLDER, json_option, print_report
from maskstream_train.evaluation.transience import OBJECTS, Objects

if TYPE_CHECKING:
    from maskstream_train.evaluation.printable import PrintableReport

truth_option = click.option("--gt", "truth", required=True, type=FILE, help="Annotations, JSON.")
results_option = click.option("--results", required=True, type=FILE, help="Predictions, JSON.")
objects_option = click.option(
    "--objects",
    type=click.Choice(OBJECTS),
    default="all",
    show_default=True,
    help="Measure only objects that the first frame, the last one, or one of both does not show.",
)
beyond_option = click.option(
    "--beyond",
    type=FILE,
    help="Leave out videos whose folder this file lists too, as 2021's in YouTube-VIS 2022.",
)
sentences_option = click.option(
    "--gt", "truth", required=True, type=EXISTING, help="meta_expressions.json, or its split."
)
folder_option = click.option("--results", required=True, type=FOLDER, help="Folder of pictures.")


@click.group("score")
def score() -> None:
    """Score result files against annotations, as the official evaluators do."""


@score.command("vis")
@truth_option
@results_option
@objects_option
@beyond_option
@json_option
@click_errors()
def vis(truth: Path, results: Path, objects: Objects, beyond: Path | None, as_json: bool) -> None:
    """YouTube-VIS: average precision and recall of tubes."""
    from maskstream_train.evaluation.vis_score import score_vis

    _print(score_vis(truth, results, objects=objects, beyond=beyond), as_json)


@score.command("ovis")
@truth_option
@results_option
@objects_option
@json_option
@click_errors()
def ovis(truth: Path, results: Path, objects: Objects, as_json: bool) -> None:
    """OVIS: the same, and by how much objects are occluded."""
    from maskstream_train.evaluation.vis_score import score_vis

    _print(score_vis(truth, results, ovis=True, objects=objects), as_json)


@score.command("panoptic")
@truth_option
@click.option(
    "--gt-png", "truth_folder", required=True, type=FOLDER, help="Its pictures, VIDEO/FRAME.png."
)
@results_option
@click.option(
    "--png", "folder", required=True, type=FOLDER, help="Their pictures, named as the true ones."
)
@objects_option
@json_option
@click_errors()
def panoptic(
    truth: Path,
    truth_folder: Path,
    results: Path,
    folder: Path,
    objects: Objects,
    as_json: bool,
) -> None:
    """VIPSeg: video panoptic quality (VPQ), segmentation and tracking quality (STQ)."""
    from maskstream_train.evaluation.panoptic.score import score_panoptic

    _print(score_panoptic(truth, truth_folder, results, folder, objects), as_json)


@score.command("ref-ytvos")
@sentences_option
@folder_option
@json_option
@click_errors()
def ref_ytvos(truth: Path, results: Path, as_json: bool) -> None:
    """Ref-YouTube-VOS: J&F of what each sentence names."""
    from maskstream_train.evaluation.referring.score import score_referring

    _print(score_referring(truth, results, "ref-ytvos"), as_json)


@score.command("ref-davis")
@sentences_option
@folder_option
@json_option
@click_errors()
def ref_davis(truth: Path, results: Path, as_json: bool) -> None:
    """Ref-DAVIS17: J&F of objects, mean over the annotators who named them."""
    from maskstream_train.evaluation.referring.score import score_referring

    _print(score_referring(truth, results, "ref-davis"), as_json)


def _print(result: "PrintableReport", as_json: bool) -> None:
    for note in result.notes:
        click.echo(printable(note), err=True)
    print_report(result, as_json)
