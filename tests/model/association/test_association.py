"""What becomes of tracks: squares that move, hide, come back, and look like one another."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from maskstream_model.association.model import AssociatedSegmenter
from maskstream_model.errors import StateError
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.port import SessionOptions
from support.tiny import tiny_associated_model

EMERGED, TRACKED, MISSED, GONE = range(4)
GRID = (16, 24)
SIZE = (64, 96)
RULES = {
    "first_frame_score_min": 0.5,
    "emergence_score_min": 0.5,
    "tracked_score_min": 0.2,
    "similarity_min": 0.4,
    "max_missed_frames": 2,
    "double_iou_max": 0.6,
    "contained_min": 0.8,
    "gallery_frames": None,
}
GALLERY = {"gallery_frames": 10, "confirm_frames": 1}


def model(**rules) -> AssociatedSegmenter:
    return tiny_associated_model(**{**RULES, **rules})


def thing(left, top=4, look=0, score=0.9, label=0, size=4):
    """A square of a look, at a place of the grid."""
    return {
        "left": left,
        "top": top,
        "look": look,
        "score": score,
        "label": label,
        "size": size,
    }


def frame(*things) -> SegmenterOutput:
    """A frame of eight queries that shows things; the others show nothing."""
    logits, masks = torch.zeros(1, 8, 4), torch.full((1, 8, *GRID), -20.0)
    logits[..., -1] = 20.0
    embeddings = torch.eye(8, 32)[None].roll(16, -1)
    for query, each in enumerate(things):
        rest = (1 - each["score"]) / 3
        logits[0, query] = torch.tensor([rest] * 4).log()
        logits[0, query, each["label"]] = torch.tensor(each["score"]).log()
        down = slice(each["top"], each["top"] + each["size"])
        across = slice(max(0, each["left"]), each["left"] + each["size"])
        masks[0, query, down, across] = 20.0
        look = each["look"]
        embeddings[0, query] = torch.as_tensor(look) if np.ndim(look) else torch.eye(32)[look]
    return SegmenterOutput(embeddings, logits, masks, torch.ones(1, 32, *GRID))


def follow(tracker, frames, state=None, limit=None):
    """Return `{id: status}` of each frame, and the state after them."""
    state, seen = state or tracker.begin(), []
    for each in frames:
        outputs, states = tracker.track(each, [state], [SIZE], [limit])
        state = states[0]
        ids, status = outputs[0].track_ids.tolist(), outputs[0].status.tolist()
        seen.append(dict(zip(ids, status, strict=True)))
    return seen, state


def test_things_keep_their_ids_while_they_move():
    frames = [frame(thing(time, look=1), thing(18 - time, 11, look=2)) for time in range(6)]
    seen, _ = follow(model(), frames)
    assert seen == [{1: EMERGED, 2: EMERGED}, *[{1: TRACKED, 2: TRACKED}] * 5]


def test_a_thing_is_missed_and_found_again_where_it_moved_on():
    frames = [frame(thing(2 * time)) for time in range(3)]
    frames += [frame(), frame(thing(8))]
    seen, _ = follow(model(max_missed_frames=3), frames)
    assert [each[1] for each in seen] == [EMERGED, TRACKED, TRACKED, MISSED, TRACKED]


def test_without_a_gallery_a_thing_that_comes_back_is_a_new_one():
    seen, _ = follow(model(), [frame(thing(2)), frame(), frame(), frame(thing(2))])
    assert seen == [{1: EMERGED}, {1: MISSED}, {1: GONE}, {2: EMERGED}]


def test_with_a_gallery_it_has_its_id_again_wherever_it_comes_back():
    hidden = [frame()] * 5
    seen, _ = follow(model(**GALLERY), [frame(thing(2)), *hidden, frame(thing(18, 11))])
    assert [each[1] for each in seen] == [EMERGED, *[MISSED] * 5, TRACKED]


def test_what_looks_otherwise_or_is_of_another_class_is_not_brought_back():
    hidden = [frame(thing(2)), *[frame()] * 5]
    for other in (thing(18, look=3), thing(18, label=2)):
        seen, _ = follow(model(**GALLERY), [*hidden, frame(other)])
        assert seen[-1] == {1: MISSED, 2: EMERGED}


def test_two_that_look_alike_are_not_brought_back_by_a_guess():
    twins = [frame(thing(2), thing(18, 11)), *[frame()] * 5]
    seen, _ = follow(model(**GALLERY), [*twins, frame(thing(10))])
    assert seen[-1] == {1: MISSED, 2: MISSED, 3: EMERGED}


def test_the_gallery_ends_after_its_frames_and_an_id_never_comes_again():
    seen, _ = follow(model(**GALLERY), [frame(thing(2)), *[frame()] * 10, frame(thing(2))])
    assert seen[9:] == [{1: MISSED}, {1: GONE}, {2: EMERGED}]


def test_the_gallery_holds_no_more_than_it_may():
    rules = {**GALLERY, "gallery_size": 2}
    frames = [frame(*(thing(6 * place, look=place) for place in range(4))), *[frame()] * 3]
    seen, _ = follow(model(**rules), frames)
    assert seen[2] == {1: GONE, 2: GONE, 3: MISSED, 4: MISSED}


def test_who_was_seen_too_seldom_does_not_wait_in_the_gallery():
    rules = {**GALLERY, "confirm_frames": 2}
    seen, _ = follow(model(**rules), [frame(thing(2)), frame(), frame()])
    assert seen[-1] == {1: GONE}


def test_a_second_query_on_a_thing_is_no_second_track():
    twice = frame(thing(2), thing(2, look=5, score=0.8))
    seen, _ = follow(model(), [twice, twice])
    assert seen == [{1: EMERGED}, {1: TRACKED}]


def test_a_part_of_a_thing_is_none_of_its_own_but_a_thing_of_another_class_is():
    whole = thing(2, size=8)
    part, other = thing(3, 5, look=1, score=0.8), thing(3, 5, look=1, score=0.8, label=1)
    assert follow(model(), [frame(whole, part)])[0] == [{1: EMERGED}]
    assert follow(model(), [frame(whole, other)])[0] == [{1: EMERGED, 2: EMERGED}]
    assert follow(model(contained_min=None), [frame(whole, part)])[0] == [{1: EMERGED, 2: EMERGED}]


def test_a_weak_query_continues_a_track_and_starts_none():
    weak = frame(thing(2, score=0.3), thing(18, look=3, score=0.3))
    seen, _ = follow(model(), [frame(thing(2)), weak])
    assert seen[-1] == {1: TRACKED}


def test_a_thing_is_not_taken_over_by_its_like_far_away():
    seen, _ = follow(model(), [frame(thing(0)), frame(thing(20, 12))])
    assert seen[-1] == {1: MISSED, 2: EMERGED}


def test_the_class_of_a_track_is_that_of_most_of_its_frames():
    frames = [frame(thing(2)), frame(thing(2)), frame(thing(2, label=1)), frame(thing(2, label=1))]
    tracker, labels = model(), []
    state = tracker.begin()
    for each in [*frames, frames[-1]]:
        (output,), (state,) = tracker.track(each, [state], [SIZE])
        labels.append(output.labels.tolist())
    assert labels[:3] == [[0], [0], [0]]
    assert labels[4] == [1]


def test_a_track_that_is_missed_has_no_mask_and_keeps_its_score():
    tracker = model()
    (shown,), (state,) = tracker.track(frame(thing(2)), [tracker.begin()], [SIZE])
    (output,), _ = tracker.track(frame(), [state], [SIZE])
    assert not output.masks(*SIZE).any()
    assert output.scores.tolist() == pytest.approx(shown.scores.tolist())


def test_newcomers_take_the_places_of_those_that_wait_before_any_is_refused():
    tracker = model(**GALLERY)
    _, state = follow(tracker, [frame(thing(2, look=1)), *[frame()] * 3])
    three = frame(thing(2, look=2), thing(10, look=3), thing(18, look=4, score=0.6))
    (output,), (after,) = tracker.track(three, [state], [SIZE], [2])
    status = dict(zip(output.track_ids.tolist(), output.status.tolist(), strict=True))
    assert status == {1: GONE, 2: EMERGED, 3: EMERGED}
    assert (output.num_refused, after.num_tracks) == (1, 2)


def test_what_waits_in_the_gallery_keeps_its_bytes():
    tracker = model(**GALLERY)
    _, before = follow(tracker, [frame(thing(2, look=1), thing(18, look=2)), *[frame()] * 3])
    _, after = follow(tracker, [frame(thing(14, look=2))], before)
    old, new = tracker.to_parts(before), tracker.to_parts(after)
    assert {name for name in new if new[name] != old[name]} == {"facts", "track/2"}


def test_a_session_that_is_resumed_brings_back_the_same_ids():
    tracker = model(**GALLERY)
    frames = [frame(thing(2, look=1), thing(18, look=2)), *[frame()] * 4]
    _, state = follow(tracker, frames)
    resumed = model(**GALLERY).from_parts(tracker.to_parts(state))
    seen, _ = follow(tracker, [frame(thing(10, look=2))], resumed)
    assert seen == [{1: MISSED, 2: TRACKED}]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"next_track_id": 1}, "track ids must ascend"),
        ({"num_seen": torch.tensor([0])}, "num_seen must be at least one"),
        (
            {"missed_frames": torch.tensor([2]), "num_seen": torch.tensor([1])},
            "fewer than make a track disappear",
        ),
        ({"birth_frames": torch.tensor([3])}, "births must follow"),
        ({"boxes": torch.full((1, 4), float("nan"))}, "not finite"),
    ],
)
def test_memories_that_no_step_gives_are_refused(change, sentence):
    tracker = model()
    _, state = follow(tracker, [frame(thing(2)), frame(thing(2)), frame(thing(2))])
    parts = tracker.to_parts(replace(state, **change))
    with pytest.raises(StateError, match=sentence):
        tracker.from_parts(parts)


def test_more_tracks_than_are_allowed_are_refused():
    tracker = model()
    _, state = follow(tracker, [frame(thing(2, look=1), thing(18, look=2))])
    with pytest.raises(StateError, match="at most 1 are allowed"):
        tracker.from_parts(tracker.to_parts(state), SessionOptions(max_tracks=1))
