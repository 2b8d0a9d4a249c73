"""`maskstream train`: the command line of training; torch is imported when it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any, get_args

import click
from click.core import ParameterSource

from maskstream_model.command_errors import click_errors, printable
from maskstream_model.daq.presets import preset_names
from maskstream_train.commands.shared import EXISTING, FILE, FOLDER
from maskstream_train.data.readers import PACKED, Format


@click.command()
@click.option("--preset", "preset_name", type=click.Choice(preset_names()), default="demo")
@click.option(
    "--stage",
    type=click.Choice(["segmenter", "tracker", "refiner", "all"]),
    help="all; tracker or refiner where a data set is given.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="train-out",
    show_default=True,
    help="Folder of the run.",
)
@click.option(
    "--data",
    type=EXISTING,
    help="Annotations with own classes; with --preset the data set that it is for.",
)
@click.option("--images", type=FOLDER, help="Pictures of own classes; else looked for at --data.")
@click.option(
    "--format", "form", type=click.Choice([*get_args(Format), PACKED]), help="Form of --data."
)
@click.option("--pictures", type=EXISTING, help="COCO, for clips made of still pictures.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change a setting.")
@click.option(
    "--minutes",
    type=float,
    help="Budget in wall time, all stages together; 120, where the preset has no number of steps.",
)
@click.option("--steps", type=int, help="Budget in steps, instead of --minutes or the preset's.")
@click.option("--batch-size", type=int, help="Clips a step (at the base size; 8 frames, 4 clips).")
@click.option("--height", type=int, help="Base size of synthetic clips in pixels; 128.")
@click.option("--width", type=int, help="224.")
@click.option("--scales", help="Sizes to draw from; 0.75,1,1,1.5.")
@click.option("--clip-frames", type=int, help="Frames of the tracker's clips; 6, data sets 5.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), help="fp32; data sets bf16.")
@click.option("--learning-rate", type=float, help="Peak rate; 8e-4, tracker 5e-4, data sets 1e-4.")
@click.option("--no-object", type=float, help="Class weight of no object; 0.1, tracker 0.2.")
@click.option("--cutouts", type=FOLDER, help="Real cut-outs, a folder per sequence.")
@click.option("--textures", type=FOLDER, help="Pictures, videos that lend textures.")
@click.option("--threads", type=click.IntRange(1), help="Threads of torch in this process.")
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Processes making clips.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--checkpoint-minutes", type=click.FloatRange(0), default=5.0, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option(
    "--init",
    metavar="FILE|NAME|FOLDER|auto",
    help="Weights to start from: of a segmenter, or all; own classes: auto, the demo model.",
)
@click.option(
    "--freeze",
    type=click.Choice(["segmenter", "backbone", "none"]),
    help="Own classes: what stays as it is; backbone. Of the segmenter the class head learns.",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.9),
    help="Own classes: share of the pictures that is measured on; 0.2.",
)
@click.option(
    "--every", type=click.IntRange(1), help="Own classes: steps between two measurements; 50."
)
@click.option(
    "--tracker-init",
    type=FILE,
    help="Weights whose trackers are trained further; else they start anew.",
)
@click.option("--ablation", is_flag=True, help="Compare trackers that differ in one switch.")
@click.option(
    "--seeds", type=click.IntRange(1), default=3, show_default=True, help="Of the ablation."
)
@click.option("--arms", default="static,EDAQ+ES,full", show_default=True, help="Of the ablation.")
@click_errors()
def train(**given: Any) -> None:
    """Train a preset, first the segmenter, then the tracker: demo on endless synthetic clips.

    The presets of data sets follow the paper: the tracker, on the segmenter of --init, or the
    refiner, on an online model. Started by torchrun (--no-python), processes share each batch.
    OUT/PRESET.safetensors is written with every checkpoint and loads with `load_model`.

    With --ablation trackers alone are trained, one for each arm and seed, on the segmenter of
    --init or of the shipped weights; the budget is that of one of them. OUT/ablation.md holds the
    table. A stopped one continues when it is started again.

    With --data and without --preset a model of own classes is trained from --init, 20 minutes long:
    `maskstream serve --model OUT` serves it.
    """
    import torch

    from maskstream_train.commands.own_options import refuse_own_options
    from maskstream_train.training.distribution import joined

    if given["threads"]:
        torch.set_num_threads(given["threads"])
    context = click.get_current_context()
    if given["data"] and _by_default(context, "preset_name") and not given["ablation"]:
        with joined(given["device"]) as device, _resumable(given["out"]):
            _train_own(given | {"device": device})
        return
    refuse_own_options(given)
    given["init"] = given["init"] and FILE.convert(given["init"], None, context)
    if given["ablation"]:
        _compare(given)
        return
    with joined(given["device"]) as device, _resumable(given["out"]):
        _train_stages(given | {"device": device})


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Say how to continue a run that is interrupted, where it left a checkpoint."""
    from maskstream_train.training.distribution import share
    from maskstream_train.training.run_checkpoint import CHECKPOINT

    try:
        yield
    except KeyboardInterrupt:
        if share().first and any(out.rglob(f"*{CHECKPOINT}")):
            click.echo(f"\nThe same command with --resume continues from {out}.", err=True)
        raise


def _by_default(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.DEFAULT


def _train_own(given: dict[str, Any]) -> None:
    from maskstream_train.commands.own_options import own_request
    from maskstream_train.own_classes.run import train_own

    folder = train_own(own_request(given), lambda line: click.echo(printable(line), err=True))
    click.echo(f"{folder.path} is the model: maskstream serve --model {quote(str(folder.path))}")


def _train_stages(given: dict[str, Any]) -> None:
    from maskstream_train.commands.train_options import options_of_stages
    from maskstream_train.training.run import STAGES

    # All options before any stage starts, so that a wrong setting is not found after an hour.
    for stage, options in options_of_stages(given).items():
        STAGES[stage](options)


def _compare(given: dict[str, Any]) -> None:
    from maskstream_train.ablation.runs import run_ablation
    from maskstream_train.ablation.table import markdown
    from maskstream_train.commands.train_options import ablation_of

    summary = run_ablation(ablation_of(given), lambda line: click.echo(line, err=True))
    click.echo(markdown(summary), nl=False)
