"""Where a stage runs, for how long, and on which clips; how it learns is in `recipes.py`."""

from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Generic, TypeVar

from maskstream_model.config import ModelConfig, PresetConfig
from maskstream_model.errors import ConfigError
from maskstream_train.data.synthetic import SyntheticConfig
from maskstream_train.training.packed_sampling import PackedViews
from maskstream_train.training.recipes import Recipe, TrackerRecipe
from maskstream_train.training.video_plan import VideoPlan


@dataclass(frozen=True)
class Budget:
    """How long a stage trains: minutes of wall time or steps; exactly one of them is set."""

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        """Check that one limit is given and that it is above 0.

        Raises:
            ConfigError: none, both, or a limit that is not above 0 or never comes.
        """
        given = [limit for limit in (self.minutes, self.steps) if limit is not None]
        if len(given) != 1 or not 0 < given[0] < inf:
            raise ConfigError("give a budget above 0 either in minutes or in steps, not in both")

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return the share of the budget that is spent, 0 to 1."""
        spent = step / self.steps if self.steps else elapsed_s / (60.0 * (self.minutes or 1.0))
        return min(1.0, spent)

    def share(self, part: float) -> "Budget":
        """Return `part` of this budget."""
        if self.steps is not None:
            return Budget(steps=max(1, round(self.steps * part)))
        return Budget(minutes=(self.minutes or 0.0) * part)


@dataclass(frozen=True)
class Mix:
    """Which shares of the clips are not generated.

    Attributes:
        data: file of packed pictures; None: all are generated.
        still_share: share of clips that are made of still pictures.
        video_share: share of clips that are frames of videos.
        views: how these are varied.
    """

    data: Path | None = None
    still_share: float = 0.4
    video_share: float = 0.25
    views: PackedViews = field(default_factory=PackedViews)


@dataclass(frozen=True)
class BatchPlan:
    """Which clips a step sees, as a function of its number alone.

    Attributes:
        clips: settings of the generator; its height and width are the base size.
        mix: real pictures beside generated clips.
        batch_size: clips per batch at the base size; other sizes get about as many pixels.
        scales: factors on the base size, one is drawn per batch.
        portrait_share: share of batches whose height and width are exchanged.
        zoom_share: share of clips that are enlarged by a random crop, up to `zoom_max` times.
        zoom_max: the largest enlargement.
        seed: of the generator and of every draw.
    """

    clips: SyntheticConfig
    mix: Mix = field(default_factory=Mix)
    batch_size: int = 8
    scales: tuple[float, ...] = (0.75, 1.0, 1.0, 1.5)
    portrait_share: float = 0.0
    zoom_share: float = 0.3
    zoom_max: float = 2.0
    seed: int = 0

    @property
    def num_frames(self) -> int:
        """Frames of a clip."""
        return self.clips.num_frames

    @property
    def name(self) -> str:
        """What is learned from, for the weight file."""
        folders = [("cut-outs", self.clips.cutouts), ("textures", self.clips.textures)]
        real = [f"{kind} from {path.name}" for kind, path in folders if path is not None]
        if self.mix.data is not None:
            return f"synthetic clips and packed pictures of {self.mix.data.name}"
        return "synthetic clips" + (", with " + " and ".join(real) if real else "")


def with_packed(plan: BatchPlan, data: Path) -> BatchPlan:
    """Return a plan that learns from a file of packed pictures, and cuts objects out of them."""
    clips = replace(plan.clips, cutouts=plan.clips.cutouts or data)
    return replace(plan, clips=clips, mix=replace(plan.mix, data=data))


Plan = BatchPlan | VideoPlan


Config = TypeVar("Config", bound=PresetConfig, covariant=True)


@dataclass(frozen=True)
class StageOptions(Generic[Config]):
    """Where and how one stage of any family runs; what it learns from is in `plan`."""

    config: Config
    out: Path
    budget: Budget
    plan: Plan
    recipe: Recipe = field(default_factory=Recipe)
    tracker: TrackerRecipe = field(default_factory=TrackerRecipe)
    device: str = "cpu"
    workers: int = 0
    resume: bool = False
    init: Path | None = None
    tracker_init: Path | None = None
    checkpoint_minutes: float = 5.0

    @property
    def weights_path(self) -> Path:
        """The exported model: averaged weights of segmenter and tracker."""
        return self.out / f"{self.config.name}.safetensors"


RunOptions = StageOptions[ModelConfig]
"""Of the stages of a model that is built around Mask2Former."""
