"""A look-alike passes an object of its class: it moves, hides and is hidden, and is marked."""

import numpy as np
import pytest

from maskstream_train.data.lookalikes import (
    Likeness,
    Lookalikes,
    Passing,
    cut_likeness,
    draw_passing,
    with_lookalike,
)
from maskstream_train.data.packed import KNOWN, UNKNOWN, PackedPictures
from maskstream_train.data.packed_clips import PackedClip, repeated
from maskstream_train.data.packing.writing import write_pack
from support.packs import CLASSES, HEIGHT, WIDTH, box, picture, thing

STANDING, OTHER = box(20, 40, 50, 56), box(0, 0, 12, 12)


def scene(count: int = 5) -> PackedClip:
    """An object in the middle, another in the corner; nobody looked at the rest."""
    masks = np.stack([STANDING, OTHER])
    ignored = np.where(masks.any(axis=0), KNOWN, UNKNOWN).astype(np.uint8)
    frame = np.full((HEIGHT, WIDTH, 3), 50, np.uint8)
    frame[STANDING] = (200, 40, 40)
    return PackedClip(
        [frame] * count,
        np.broadcast_to(masks, (count, *masks.shape)),
        np.array([1, 2]),
        np.array([0.9, 1.0]),
        np.broadcast_to(ignored, (count, *ignored.shape)),
    )


def green() -> Likeness:
    likeness = cut_likeness(np.full((HEIGHT, WIDTH, 3), (40, 200, 40), np.uint8), STANDING)
    return likeness


def passed(in_front: bool) -> PackedClip:
    places = np.stack([np.full(5, 35.0), np.linspace(0, 96, 5)], axis=1)
    return with_lookalike(scene(), 0, green(), Passing(34, False, places, in_front))


@pytest.mark.parametrize("in_front", [True, False])
def test_a_lookalike_crosses_the_picture_as_one_more_object(in_front):
    clip = passed(in_front)
    assert clip.labels.tolist() == [1, 2, 1]
    assert clip.certainties.tolist() == [0.9, 1.0, 0.9]
    assert clip.masks.shape == (5, 3, HEIGHT, WIDTH)
    columns = [np.flatnonzero(mask.any(axis=0)).mean() for mask in clip.masks[:, 2] if mask.any()]
    assert columns == sorted(columns)
    assert columns[-1] - columns[0] > 60
    assert (clip.masks.sum(axis=1) <= 1).all(), "a pixel has one owner"
    for frame, masks, ignored in zip(clip.frames, clip.masks, clip.ignored, strict=True):
        alone = masks[2] & ~STANDING
        assert (frame[alone][:, 1] > frame[alone][:, 0]).all(), "it is seen where it is marked"
        assert (ignored[masks.any(axis=0)] == KNOWN).all()
        assert (ignored[60:, :] == UNKNOWN).all()


def test_who_is_in_front_hides_the_other():
    before, behind = passed(True), passed(False)
    assert not before.masks[2, 0].any()
    assert (behind.masks[2, 0] == STANDING).all()
    assert behind.masks[2, 2].sum() < before.masks[2, 2].sum() / 2
    assert (before.frames[2][35, 48] == (40, 200, 40)).all()
    assert (behind.frames[2][35, 48] == (200, 40, 40)).all()


def test_a_lookalike_outside_of_the_picture_is_not_there():
    places = np.array([[-60.0, -60.0], [500.0, 20.0]])
    clip = with_lookalike(scene(2), 0, green(), Passing(30, True, places, True))
    assert not clip.masks[:, 2].any()
    assert (np.stack(clip.frames) == np.stack(scene(2).frames)).all()


def test_draws_pass_on_both_sides_and_in_both_orders():
    draws = [draw_passing(STANDING, 6, np.random.default_rng(seed)) for seed in range(60)]
    ends = [(how.places[0, 1] < 48, how.places[-1, 1] < 48) for how in draws]
    assert len(set(ends)) == 4
    assert {how.in_front for how in draws} == {how.mirrored for how in draws} == {True, False}
    assert all(18 < how.height < 50 for how in draws)
    crossing = [start != end for start, end in ends]
    assert sum(crossing) > 0.7 * len(draws)


def test_what_passes_is_of_the_same_class_and_what_runs_out_of_its_picture_passes_nothing(tmp_path):
    objects = [[(0, STANDING)], [(0, box(10, 10, 44, 30))], [(1, box(0, 0, 64, 40))]]
    pictures = [
        picture(tmp_path, [(thing(label, mask), mask) for label, mask in shown])
        for shown in objects
    ]
    write_pack(tmp_path / "pack.zip", pictures, CLASSES)
    packed = PackedPictures(tmp_path / "pack.zip")
    lookalikes = Lookalikes(packed)
    for number in range(2):
        shown = repeated(packed.read(number), 3)
        for seed in range(4):
            clip = lookalikes.added(shown, np.random.default_rng(seed))
            assert clip.labels.tolist() == [0, 0]
            again = lookalikes.added(shown, np.random.default_rng(seed))
            assert all((a == b).all() for a, b in zip(clip.frames, again.frames, strict=True))
    cut = repeated(packed.read(2), 3)
    assert lookalikes.added(cut, np.random.default_rng(0)) is cut
