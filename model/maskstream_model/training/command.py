"""`maskstream train`: the command line of training; torch is imported when it runs."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maskstream_model.errors import MaskstreamModelError
from maskstream_model.presets import preset, preset_names

if TYPE_CHECKING:
    from maskstream_model.ablation.runs import Ablation
    from maskstream_model.training.options import Budget, RunOptions

SEGMENTER_SHARE = 0.6
SEGMENTER_FRAMES = 2
ABLATION_WARM_UP_STEPS = 50
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--preset", "preset_name", type=click.Choice(preset_names()), default="demo")
@click.option("--stage", type=click.Choice(["segmenter", "tracker", "all"]), default="all")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option("--minutes", type=float, help="Budget in wall time (all stages together).")
@click.option("--steps", type=int, help="Budget in steps, instead of --minutes.")
@click.option("--batch-size", type=int, help="Clips a step at the base size; 8, tracker 4.")
@click.option("--height", type=int, help="Base size in pixels; 128, ablation 96.")
@click.option("--width", type=int, help="The same; 224, ablation 160.")
@click.option("--scales", default="0.75,1,1,1.5", show_default=True, help="Sizes to draw from.")
@click.option("--clip-frames", type=int, help="Frames of a clip; 6, ablation 5.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32")
@click.option("--learning-rate", type=float, help="Peak rate; 8e-4, tracker 5e-4.")
@click.option("--no-object", type=float, help="Class weight of no object; 0.1, tracker 0.2.")
@click.option("--cutouts", type=FOLDER, help="Real cut-outs, a folder per sequence.")
@click.option("--textures", type=FOLDER, help="Pictures that lend textures and backgrounds.")
@click.option("--threads", type=int, help="Threads of torch in this process.")
@click.option("--workers", type=int, default=0, show_default=True, help="Processes making clips.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--checkpoint-minutes", type=float, default=5.0, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option("--init", type=FILE, help="Weights to start from; the tracker needs a segmenter.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of the tracker.")
@click.option("--ablation", is_flag=True, help="Compare trackers that differ in one switch.")
@click.option("--seeds", type=int, default=3, show_default=True, help="Of the ablation.")
@click.option("--arms", default="static,EDAQ+ES,full", show_default=True, help="Of the ablation.")
def train(**given: Any) -> None:
    """Train a preset on endless synthetic clips: first the segmenter, then the tracker.

    OUT/PRESET.safetensors is written with every checkpoint and loads with `load_model`.

    With --ablation trackers alone are trained, one for each arm and seed, on the segmenter of
    --init or of the shipped weights; the budget is that of one of them. OUT/ablation.md holds the
    table. A stopped one goes on when it is started again.
    """
    import torch

    if given["threads"]:
        torch.set_num_threads(given["threads"])
    try:
        if given["ablation"]:
            _compare(given)
        else:
            _train_stages(given)
    except MaskstreamModelError as error:
        raise click.ClickException(str(error)) from error


def _train_stages(given: dict[str, Any]) -> None:
    from maskstream_model.training.run import train_segmenter, train_tracker

    if given["stage"] in ("segmenter", "all"):
        train_segmenter(options_of(given, "segmenter"))
    if given["stage"] in ("tracker", "all"):
        tracker = options_of(given, "tracker")
        # In a run of both stages --init is where the segmenter started, not where it ended.
        train_tracker(tracker if given["stage"] == "tracker" else replace(tracker, init=None))


def _compare(given: dict[str, Any]) -> None:
    from maskstream_model.ablation.runs import run_ablation
    from maskstream_model.ablation.table import markdown

    summary = run_ablation(ablation_of(given), lambda line: click.echo(line, err=True))
    click.echo(markdown(summary), nl=False)


def ablation_of(given: dict[str, Any]) -> "Ablation":
    """Turn the command line into an ablation; what is not given suits one core for an hour."""
    from maskstream_model.ablation.arms import BASE
    from maskstream_model.ablation.runs import Ablation
    from maskstream_model.loading import shipped
    from maskstream_model.training.overrides import overridden

    small = {"height": 96, "width": 160, "clip_frames": 5, "batch_size": 4, "learning_rate": 1e-3}
    filled = {name: given[name] or value for name, value in small.items()}
    options = options_of(given | filled | {"stage": "tracker"}, "tracker")
    options = replace(
        options,
        init=options.init or shipped(options.config.name),
        recipe=replace(options.recipe, warm_up_steps=ABLATION_WARM_UP_STEPS),
        tracker=overridden(BASE, given["settings"]),
    )
    arms = tuple(name.strip() for name in given["arms"].split(","))
    return Ablation(options, arms=arms, num_seeds=given["seeds"])


def options_of(given: dict[str, Any], stage: str) -> "RunOptions":
    """Turn the command line into the options of one stage."""
    from maskstream_model.data.synthetic import SyntheticConfig
    from maskstream_model.training.criterion import Criterion
    from maskstream_model.training.options import (
        BatchPlan,
        Recipe,
        RunOptions,
        TrackerRecipe,
        tracker_criterion,
    )
    from maskstream_model.training.overrides import overridden

    tracking = stage == "tracker"
    clips = SyntheticConfig(
        height=given["height"] or 128,
        width=given["width"] or 224,
        num_frames=(given["clip_frames"] or 6) if tracking else SEGMENTER_FRAMES,
        cutouts=given["cutouts"],
        textures=given["textures"],
    )
    no_object = given["no_object"] or (0.2 if tracking else 0.1)
    recipe = Recipe(
        learning_rate=given["learning_rate"] or (5e-4 if tracking else 8e-4),
        precision=given["precision"],
        criterion=tracker_criterion(Criterion(), no_object),
    )
    plan = BatchPlan(
        clips=clips,
        batch_size=given["batch_size"] or (4 if tracking else 8),
        scales=tuple(float(scale) for scale in given["scales"].split(",")),
        seed=given["seed"],
    )
    return RunOptions(
        config=preset(given["preset_name"]),
        out=given["out"],
        budget=_budget(given, tracking),
        plan=plan,
        recipe=recipe,
        tracker=overridden(TrackerRecipe(), given["settings"]),
        device=given["device"],
        workers=given["workers"],
        resume=given["resume"],
        init=given["init"],
        checkpoint_minutes=given["checkpoint_minutes"],
    )


def _budget(given: dict[str, Any], tracking: bool) -> "Budget":
    from maskstream_model.training.options import Budget

    whole = Budget(given["minutes"], given["steps"])
    if given["stage"] != "all":
        return whole
    return whole.share(1 - SEGMENTER_SHARE if tracking else SEGMENTER_SHARE)
