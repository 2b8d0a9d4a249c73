"""The trackers learn nothing from what nobody marked, and no mask from doubtful pixels."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from maskstream_train.data.packed import DOUBTFUL, KNOWN, UNKNOWN
from maskstream_train.training.matcher import UNMATCHED
from maskstream_train.training.rollout import FrameRows
from maskstream_train.training.run_options import RunOptions
from maskstream_train.training.stage import moment_of
from maskstream_train.training.targets import ClipBatch
from maskstream_train.training.tracker_stage import TrackerStage
from support.small_runs import fresh_stage
from support.squares import squares

CELLS, LAYERS, NUM_FRAMES = 16, 2, 2
MARKED, UNMARKED, EMPTY = range(3)
"""Rows: one with an object, one of no object that draws a mask, one that draws nothing."""


@dataclass
class Scene:
    """Rows of a clip of one object; states `(1, 3, C)` and features `(1, C, 16, 16)` learn."""

    stage: TrackerStage
    states: list[list[Tensor]]
    features: list[Tensor]

    @torch.no_grad()
    def drawn(self, row: int) -> Tensor:
        """Return what a row draws on each frame, `(T, 64, 64)` bool."""
        tracker = self.stage.module
        masks = [
            tracker.segment(states[-1], features)[0, row] > 0
            for states, features in zip(self.states, self.features, strict=True)
        ]
        return torch.stack(masks).repeat_interleave(4, 1).repeat_interleave(4, 2)

    def losses(self, clip: ClipBatch) -> dict[str, Tensor]:
        objects = torch.tensor([[0, UNMATCHED, UNMATCHED]])
        valid = torch.ones(1, 3, dtype=torch.bool)
        rows = [
            FrameRows(states, objects, valid, clip.present[:, number], number, 1)
            for number, states in enumerate(self.states)
        ]
        return self.stage._terms(rows, clip, self.features, torch.Generator().manual_seed(1))


@torch.no_grad()
def _shut(stage: TrackerStage, states: Tensor, cells: Tensor) -> None:
    """Change cells `(1, 32, 16, 16)` so that the last row draws nothing, and no other mask."""
    one_by_one = torch.eye(32)[None, :, :, None]
    reads = stage.module.segment(states, one_by_one)[0, ..., 0]  # (3, 32), and a bias
    reads = reads - stage.module.segment(states, torch.zeros(1, 32, 1, 1))[0, ..., 0]
    logits = stage.module.segment(states, cells)[0, EMPTY]
    against = torch.linalg.pinv(reads)[:, EMPTY]
    cells -= against[None, :, None, None] * (logits + 5.0)


@pytest.fixture
def scene(small_run: RunOptions) -> Scene:
    criterion = replace(small_run.recipe.criterion, soft_classes=True)
    recipe = replace(small_run.recipe, criterion=criterion)
    stage = fresh_stage("tracker", replace(small_run, recipe=recipe))
    assert isinstance(stage, TrackerStage)
    torch.manual_seed(4)
    states = [[torch.randn(1, 3, 32) for _ in range(LAYERS)] for _ in range(NUM_FRAMES)]
    features = [torch.randn(1, 32, CELLS, CELLS) for _ in range(NUM_FRAMES)]
    for frame, cells in zip(states, features, strict=True):
        _shut(stage, frame[-1], cells)
    for leaf in (*features, *(state for frame in states for state in frame)):
        leaf.requires_grad_()
    return Scene(stage, states, features)


def clip_of(masks: Tensor, places: Tensor, ignored: int, certainty: float = 1.0) -> ClipBatch:
    """One clip with the object `masks (T, 64, 64)`; `places (T, 64, 64)` are `ignored`."""
    shown = masks[None, :, None]
    known = torch.full(places.shape, KNOWN, dtype=torch.uint8)
    return ClipBatch(
        torch.zeros(1, NUM_FRAMES, 64, 64, 3, dtype=torch.uint8),
        shown,
        torch.zeros(1, 1, dtype=torch.int64),
        shown.any(-1).any(-1),
        ignored=known.masked_fill(places & ~masks, ignored)[None],
        certainties=torch.tensor([[certainty]]),
    )


def corner() -> Tensor:
    masks = torch.zeros(NUM_FRAMES, 64, 64, dtype=torch.bool)
    masks[:, :24, :24] = True
    return masks


@pytest.mark.parametrize(
    ("ignored", "taught"), [(KNOWN, True), (UNKNOWN, False), (DOUBTFUL, False)]
)
def test_a_row_on_what_nobody_marked_is_not_taught_that_nothing_is_there(scene, ignored, taught):
    clip = clip_of(corner() & ~scene.drawn(UNMARKED), scene.drawn(UNMARKED), ignored)
    scene.losses(clip)["class"].backward()
    for frame in scene.states:
        for state in frame:
            moved = state.grad[0].abs().sum(-1) > 0
            assert moved.tolist() == [True, taught, True]


def test_an_object_that_nobody_marked_moves_no_loss(scene):
    """However the row on it changes its mind, the losses stay."""
    clip = clip_of(corner() & ~scene.drawn(UNMARKED), scene.drawn(UNMARKED), UNKNOWN)
    before = scene.losses(clip)
    with torch.no_grad():
        for frame in scene.states:
            frame[0][:, UNMARKED] *= -3.0  # the last layer still draws the same mask
    after = scene.losses(clip)
    assert {name: value.item() for name, value in after.items()} == {
        name: value.item() for name, value in before.items()
    }


@pytest.mark.parametrize(("ignored", "taught"), [(KNOWN, True), (UNKNOWN, True), (DOUBTFUL, False)])
def test_a_doubtful_pixel_moves_no_mask_loss(scene, ignored, taught):
    right = torch.zeros(NUM_FRAMES, 64, 64, dtype=torch.bool)
    right[..., 32:] = True
    clip = clip_of(corner(), right, ignored)
    losses = scene.losses(clip)
    (losses["mask"] + losses["dice"]).backward()
    for features in scene.features:
        # Points close to the border read cells on both sides of it.
        assert bool(features.grad[..., 9:].abs().sum() > 0) == taught
        assert bool(features.grad[..., :8].abs().sum() > 0)


def test_a_certainty_scales_the_share_of_a_class(scene):
    def pull(certainty: float) -> Tensor:
        for frame in scene.states:
            frame[-1].grad = None
        scene.losses(clip_of(scene.drawn(MARKED), ~corner(), UNKNOWN, certainty))[
            "class"
        ].backward()
        return scene.states[0][-1].grad[0, MARKED]

    sure, doubting = pull(1.0), pull(0.4)
    assert not torch.allclose(sure, doubting)


def test_clips_of_half_known_frames_go_through_the_whole_stage(small_run):
    def total(change: Callable[[ClipBatch], ClipBatch]) -> float:
        stage = fresh_stage("tracker", small_run)
        moment = moment_of(0, 1, 0.9, torch.device("cpu"))
        losses = stage.losses(change(squares(3, flicker=True)), moment)
        return torch.stack(list(losses.values())).sum().item()

    def ignoring(value: int) -> Callable[[ClipBatch], ClipBatch]:
        def change(clip: ClipBatch) -> ClipBatch:
            places = torch.full(clip.frames.shape[:-1], value, dtype=torch.uint8)
            certainties = torch.ones(clip.labels.shape)
            return replace(clip, ignored=places, certainties=certainties)

        return change

    # Knowing everything in so many words is no other lesson; not knowing is one.
    assert total(ignoring(KNOWN)) == total(lambda clip: clip)
    assert total(ignoring(UNKNOWN)) != total(lambda clip: clip)
