"""From the command line of `maskstream train` to the options of its stages."""

from dataclasses import replace
from typing import Any, Literal

from maskstream_model.config import ModelConfig
from maskstream_model.daq.presets import preset
from maskstream_model.errors import ConfigError
from maskstream_model.loading import shipped, usable_device
from maskstream_train.ablation.arms import BASE
from maskstream_train.ablation.plan import Ablation
from maskstream_train.data.packed import PackedPictures
from maskstream_train.data.readers import PACKED
from maskstream_train.training.overrides import override
from maskstream_train.training.presets import StageName, StagePreset, training_preset
from maskstream_train.training.recipes import TrackerRecipe
from maskstream_train.training.run_options import BatchPlan, Budget, Plan, RunOptions, with_packed
from maskstream_train.training.video_plan import DataSet

SEGMENTER_SHARE = 0.6
"""Of the budget, where both stages are trained."""
MINUTES = 120.0
"""The budget where neither the command line nor the preset says one."""
ABLATION_WARM_UP_STEPS = 50
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


def ablation_of(given: dict[str, Any]) -> Ablation:
    """Turn the command line into an ablation; what is not given suits one core for an hour."""
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


def stage_by_default(given: dict[str, Any]) -> StageName | Literal["all"]:
    """Return what is trained where nothing is said: on a data set what the preset's model adds."""
    if preset(given["preset_name"]).offline is not None:
        return "refiner"
    return "tracker" if given["data"] and given["form"] != PACKED else "all"


def options_of_stages(given: dict[str, Any]) -> dict[StageName, RunOptions]:
    """Return the options of the stages that the command line asks for, in their order.

    Raises:
        ConfigError: as `options_of`.
    """
    stage = given["stage"] or stage_by_default(given)
    if stage != "all":
        return {stage: options_of(given | {"stage": stage}, stage)}
    given = given | {"stage": stage}
    # For the tracker --init is where the segmenter started, not where it ended.
    tracker = replace(options_of(given, "tracker"), init=None)
    return {"segmenter": options_of(given, "segmenter"), "tracker": tracker}


def options_of(
    given: dict[str, Any], stage: StageName, tracker: TrackerRecipe | None = None
) -> RunOptions:
    """Turn the command line into the options of one stage.

    Args:
        given: the command line.
        stage: what is trained.
        tracker: rules of the tracker stage to start from, instead of the preset's.

    Raises:
        ConfigError: a setting that is none, or that does not go with the others; no such device.
    """
    config = _model(given)
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
        device=str(usable_device(given["device"])),
        workers=given["workers"],
        resume=given["resume"],
        init=given["init"],
        tracker_init=given["tracker_init"],
        checkpoint_minutes=given["checkpoint_minutes"],
    )


def _model(given: dict[str, Any]) -> ModelConfig:
    """Return the preset, whose classes packed pictures must have.

    Raises:
        ConfigError: they have others.
        DatasetError: the file holds no packed pictures.
    """
    config = preset(given["preset_name"])
    if given["data"] is not None and given["form"] == PACKED:
        names = [item.name for item in config.classes]
        if list(PackedPictures(given["data"]).classes) != names:
            raise ConfigError(f"{given['data']} has other classes than these: {' '.join(names)}")
    return config


def _plan(given: dict[str, Any], plan: Plan) -> Plan:
    """Return the preset's plan with this run's seed and data sets."""
    config, data, pictures = preset(given["preset_name"]), given["data"], given["pictures"]
    if isinstance(plan, BatchPlan):
        if (data and given["form"] != PACKED) or pictures:
            raise ConfigError(
                f"{config.name} learns from synthetic clips and packed pictures, not from data sets"
            )
        return replace(with_packed(plan, data) if data else plan, seed=given["seed"])
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


def _budget(given: dict[str, Any], stage: StageName, chosen: StagePreset) -> Budget:
    """Return the stage's share of what was asked for, or of `MINUTES`; or the preset's length."""
    minutes, steps = given["minutes"], given["steps"]
    if minutes is None and steps is None:
        if chosen.steps is not None:
            return Budget(steps=chosen.steps)
        minutes = MINUTES
    whole = Budget(minutes, steps)
    if given["stage"] != "all":
        return whole
    return whole.share(1 - SEGMENTER_SHARE if stage == "tracker" else SEGMENTER_SHARE)
