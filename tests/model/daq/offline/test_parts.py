"""The memory of the offline model as parts: resuming from them, and what is refused."""

import json

import numpy as np
import pytest

from maskstream_model.errors import StateError
from maskstream_model.video import segment_video
from support.offline import NUM_FRAMES, assert_equal, steps
from support.tiny import tiny_frames, tiny_offline_model


def test_a_video_resumes_from_its_parts_after_any_frame():
    """In windows that overlap much; for others the laws of the port say it after some frames."""
    model, frames = tiny_offline_model(window=6, overlap=4), tiny_frames(NUM_FRAMES, seed=1)
    expected, found, resumed = list(segment_video(model, frames)), [], set()
    for output in steps(model, frames):
        found += output.results
        parts = model.to_parts(output.state)
        state = model.from_parts(parts)
        assert model.to_parts(state) == parts
        first = model.committed(state)
        assert first == model.committed(output.state)
        if first in resumed:
            continue
        resumed.add(first)
        again = list(found)
        for later in steps(model, frames[first:], state):
            again += later.results
            state = later.state
        assert_equal([*again, *model.flush(state).results], expected)
    assert len(resumed) > 3


def test_parts_change_with_windows_only(model, frames):
    parts = [model.to_parts(output.state) for output in steps(model, frames)]
    assert len({json.dumps(sorted(map(hash, each.values()))) for each in parts}) == 4
    assert set(parts[0]) == {"tracker/facts", "tracker/queries", "tracker/positions"} | {
        "tracker/logit_sums",
        "windows",
    }


def damage(parts, name, change):
    return {**parts, name: change(parts[name])}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda parts: {n: b for n, b in parts.items() if n != "windows"}, "lacks windows"),
        (lambda parts: {n: b for n, b in parts.items() if n != "previous"}, "do not belong"),
        (lambda parts: {n: b for n, b in parts.items() if n != "tracker/queries"}, "lacks queries"),
        (lambda parts: {**parts, "more": b""}, "unknown more"),
        (lambda parts: {**parts, "queries": parts["tracker/queries"]}, "unknown queries"),
        (lambda parts: damage(parts, "previous", lambda blob: blob[:-4]), "previous of"),
        (
            lambda parts: damage(
                parts, "previous", lambda blob: blob[:-4] + np.float32(np.nan).tobytes()
            ),
            "not finite",
        ),
        (lambda parts: damage(parts, "windows", lambda blob: blob[:-1]), "windows are damaged"),
        (lambda parts: damage(parts, "windows", lambda blob: b"[]"), "windows are damaged"),
    ],
)
def test_damaged_parts_are_refused(model, frames, change, sentence):
    *_, output = steps(model, frames[:7])
    with pytest.raises(StateError, match=sentence):
        model.from_parts(change(model.to_parts(output.state)))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("schema", 1, "schema 1, this version reads 2"),
        ("first", 3, "do not belong"),
        ("first", -1, "no count"),
        ("decided", 2, "begin before"),
        ("decided", True, "no count"),
        ("next_track_id", 1, "are below"),
        ("rows", 7, "damaged"),
        ("rows", [[7, [0.5], 1, None, 0]], "one number for each class"),
        ("rows", [[7, [0.5, 0.5, float("inf")], 1, None, 0]], "one number for each class"),
        ("rows", [[7, [0.5, 0.5, 0.5], 99, None, 0]], "count decided frames"),
        ("rows", [[7, [0, 0, 0], 1, 1, 1], [8, [0, 0, 0], 1, 1, 1]], "given once"),
        ("rows", [[7, "abc", 1, None, 0]], "damaged"),
        ("rows", [[7, [0.5], 1, None]], "damaged"),
    ],
)
def test_windows_that_cannot_be_are_refused(model, frames, name, value, sentence):
    *_, output = steps(model, frames[:7])
    parts = model.to_parts(output.state)
    fields = {**json.loads(parts["windows"]), name: value}
    with pytest.raises(StateError, match=sentence):
        model.from_parts({**parts, "windows": json.dumps(fields).encode()})


def test_the_memory_of_another_model_is_refused(model, frames):
    *_, output = steps(model, frames[:7])
    with pytest.raises(StateError, match="belongs to model"):
        tiny_offline_model(max_missed_frames=9).from_parts(model.to_parts(output.state))
