"""`maskstream train`: the command line of training; torch is imported when it runs."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from maskstream_model.data.readers import Format
from maskstream_model.errors import ConfigError
from maskstream_model.plain_errors import plain_errors
from maskstream_model.presets import preset, preset_names

if TYPE_CHECKING:
    from maskstream_model.ablation.runs import Ablation
    from maskstream_model.training.options import Budget, Plan, RunOptions, TrackerRecipe
    from maskstream_model.training.presets import StageName, StagePreset

SEGMENTER_SHARE = 0.6
ABLATION_WARM_UP_STEPS = 50
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DATA = click.Path(exists=True, path_type=Path)
SETTINGS = {
    "batch_size": "batch_size",
    "height": "clips.height",
    "width": "clips.width",
    "scales": "scales",
    "cutouts": "cutouts",
    "textures": "textures",
    "precision": "precision",
    "learning_rate": "learning_rate",
    "no_object": "weights.no_object",
}
"""Options of the command line that are short for a setting of the preset."""


@click.command()
@click.option("--preset", "preset_name", type=click.Choice(preset_names()), default="demo")
@click.option(
    "--stage",
    type=click.Choice(["segmenter", "tracker", "refiner", "all"]),
    help="all; tracker or refiner where a data set is given.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option("--data", type=DATA, help="Data set that the preset is for: folder or annotations.")
@click.option("--format", "form", type=click.Choice(get_args(Format)), help="Form of --data.")
@click.option("--pictures", type=DATA, help="COCO, for clips made of still pictures.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change a setting.")
@click.option("--minutes", type=float, help="Budget in wall time (all stages together).")
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
@click.option("--textures", type=FOLDER, help="Pictures that lend textures and backgrounds.")
@click.option("--threads", type=int, help="Threads of torch in this process.")
@click.option("--workers", type=int, default=0, show_default=True, help="Processes making clips.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--checkpoint-minutes", type=float, default=5.0, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option("--init", type=FILE, help="Weights to start from: of a segmenter, or all.")
@click.option("--ablation", is_flag=True, help="Compare trackers that differ in one switch.")
@click.option("--seeds", type=int, default=3, show_default=True, help="Of the ablation.")
@click.option("--arms", default="static,EDAQ+ES,full", show_default=True, help="Of the ablation.")
@plain_errors()
def train(**given: Any) -> None:
    """Train a preset, first the segmenter, then the tracker: demo on endless synthetic clips.

    The presets of data sets follow the paper: the tracker, on the segmenter of --init, or the
    refiner, on an online model. Started by torchrun (--no-python), processes share each batch.
    OUT/PRESET.safetensors is written with every checkpoint and loads with `load_model`.

    With --ablation trackers alone are trained, one for each arm and seed, on the segmenter of
    --init or of the shipped weights; the budget is that of one of them. OUT/ablation.md holds the
    table. A stopped one goes on when it is started again.
    """
    import torch

    from maskstream_model.training.distribution import joined

    if given["threads"]:
        torch.set_num_threads(given["threads"])
    if given["ablation"]:
        _compare(given)
        return
    with joined(given["device"]) as device:
        _train_stages(given | {"device": device})


def _train_stages(given: dict[str, Any]) -> None:
    from maskstream_model.training.run import train_refiner, train_segmenter, train_tracker

    stage = given["stage"] or stage_by_default(given)
    given = given | {"stage": stage}
    if stage in ("segmenter", "all"):
        train_segmenter(options_of(given, "segmenter"))
    if stage in ("tracker", "all"):
        tracker = options_of(given, "tracker")
        # With both stages --init is where the segmenter started, not where it ended.
        train_tracker(tracker if stage == "tracker" else replace(tracker, init=None))
    if stage == "refiner":
        train_refiner(options_of(given, "refiner"))


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

    small = {"height": 96, "width": 160, "clip_frames": 5, "batch_size": 4, "learning_rate": 1e-3}
    filled = {name: given[name] or value for name, value in small.items()}
    options = options_of(given | filled | {"stage": "tracker"}, "tracker", BASE)
    options = replace(
        options,
        init=options.init or shipped(options.config.name),
        recipe=replace(options.recipe, warm_up_steps=ABLATION_WARM_UP_STEPS),
    )
    arms = tuple(name.strip() for name in given["arms"].split(","))
    return Ablation(options, arms=arms, num_seeds=given["seeds"])


def stage_by_default(given: dict[str, Any]) -> str:
    """Return what is trained where nothing is said: on a data set what the preset's model adds."""
    if preset(given["preset_name"]).offline is not None:
        return "refiner"
    return "tracker" if given["data"] else "all"


def options_of(
    given: dict[str, Any], stage: "StageName", tracker: "TrackerRecipe | None" = None
) -> "RunOptions":
    """Turn the command line into the options of one stage.

    Args:
        given: the command line.
        stage: what is trained.
        tracker: rules of the tracker stage to start from, instead of the preset's.

    Raises:
        ConfigError: a setting that is none, or that does not go with the others.
    """
    from maskstream_model.training.options import RunOptions
    from maskstream_model.training.overrides import override
    from maskstream_model.training.presets import training_preset

    config = preset(given["preset_name"])
    names = SETTINGS | ({} if stage == "segmenter" else {"clip_frames": "num_frames"})
    short = [f"{names[key]}={given[key]}" for key in names if given[key] is not None]
    base = training_preset(config, stage)
    base = base if tracker is None else replace(base, tracker=tracker)
    chosen = override(base, [*short, *given["settings"]])
    return RunOptions(
        config=config,
        out=given["out"],
        budget=_budget(given, stage, chosen),
        plan=_plan(given, chosen.plan),
        recipe=chosen.recipe,
        tracker=chosen.tracker,
        device=given["device"],
        workers=given["workers"],
        resume=given["resume"],
        init=given["init"],
        checkpoint_minutes=given["checkpoint_minutes"],
    )


def _plan(given: dict[str, Any], plan: "Plan") -> "Plan":
    """Return the preset's plan with this run's seed and data sets."""
    from maskstream_model.training.options import BatchPlan
    from maskstream_model.training.video_plan import DataSet

    config, data, pictures = preset(given["preset_name"]), given["data"], given["pictures"]
    if isinstance(plan, BatchPlan):
        if data or pictures:
            raise ConfigError(f"{config.name} learns from synthetic clips, not from data sets")
        return replace(plan, seed=given["seed"])
    if not data or not given["form"]:
        raise ConfigError(f"{config.name} learns from a data set: give --data and its --format")
    return replace(
        plan,
        videos=DataSet(data, given["form"]),
        pictures=DataSet(pictures, "coco") if pictures else None,
        classes=config.classes,
        model=config.name,
        seed=given["seed"],
    )


def _budget(given: dict[str, Any], stage: "StageName", chosen: "StagePreset") -> "Budget":
    """Return the stage's share of what was asked for, or the preset's own length."""
    from maskstream_model.training.options import Budget

    if given["minutes"] is None and given["steps"] is None and chosen.steps is not None:
        return Budget(steps=chosen.steps)
    whole = Budget(given["minutes"], given["steps"])
    if given["stage"] != "all":
        return whole
    return whole.share(1 - SEGMENTER_SHARE if stage == "tracker" else SEGMENTER_SHARE)
