"""What a family gives is held to the port: a wrong result is named in the log and hurts none."""

from dataclasses import replace

import numpy as np
import pytest

from maskstream_model.aliases import Frame
from maskstream_model.port import FrameResult, StepInput
from maskstream_server.session.reporting import ResultOptions, StepReport, StepReporter
from support.fake_model import FakeModel

PICTURE = np.full((4, 6, 3), 200, np.uint8)
FLOATS = np.zeros(1, np.float32)
INTS = np.zeros(1, np.int64)


class Wrong(FakeModel):
    """Results, masks or memory are not what the port says."""

    def track(self, frame: Frame, age: int) -> FrameResult:
        result = super().track(frame, age)
        return replace(
            result,
            index=self.change.get("index", result.index),
            tracks=replace(result.tracks, **self.change.get("tracks", {})),
            masks=Changed(result.masks, self.change.get("crops", {})),
        )

    def committed(self, state: int) -> int:
        return self.change.get("committed", state)

    def to_parts(self, state: int) -> dict[str, bytes]:
        return self.change.get("parts", {"count": b"1"})


class Changed:
    def __init__(self, masks, change) -> None:
        self.masks, self.change = masks, change

    def crops(self, rows, size, with_logits=False):
        return replace(self.masks.crops(rows, size, with_logits), **self.change)


def report(**change) -> StepReport:
    """The report of the first frame of a session."""
    model = Wrong()
    model.change = change
    (output,) = model.step([StepInput([PICTURE], 0)])
    return StepReporter(model, ResultOptions(), num_frames=1)(output, lambda: None)


def test_what_the_port_says_is_taken():
    assert len(report().frames[0].tracks.track_ids) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"index": 0}, "a result of frame 0"),
        ({"index": 2}, "a result of frame 2, of 1 frames"),
        ({"tracks": {"track_ids": INTS}}, "a track id below 1"),
        ({"tracks": {"track_ids": INTS + 2**32}}, "a track id below 1 or above 4294967295"),
        ({"tracks": {"labels": INTS + 3}}, "a label of no class on frame 1"),
        ({"tracks": {"labels": INTS - 1}}, "a label of no class"),
        ({"tracks": {"scores": FLOATS * np.nan}}, "a score that is not between 0 and 1"),
        ({"tracks": {"scores": FLOATS + 2}}, "a score that is not between 0 and 1 on frame 1"),
        ({"tracks": {"status": INTS + 4}}, "an unknown status"),
        ({"tracks": {"ages": INTS}}, "an age below 1"),
        ({"tracks": {"scores": FLOATS[:0]}}, r"scores of shape \(0,\) for 1 tracks"),
        ({"crops": {"size": (5, 6)}}, r"masks of size \(5, 6\), not \(4, 6\)"),
        ({"crops": {"bitmaps": ()}}, "masks of another number than the 1 rows asked for"),
        ({"crops": {"boxes": np.array([[0, 0, 7, 4]])}}, r"box \(0, 0, 7, 4\) in 6x4 pixels"),
        ({"crops": {"bitmaps": (np.ones((3, 3), bool),)}}, r"a mask of shape \(3, 3\) in the box"),
        ({"committed": 2}, "2 as the last committed of 1 frames"),
        ({"parts": {"count": "1"}}, r"a part \['count'\] that is not bytes"),
        ({"parts": {f"{n}": b"" for n in range(4097)}}, "a memory of 4097 parts; 4096"),
        ({"parts": {"Count": b"1"}}, r"a part \['Count'\], no name that matches"),
        ({"parts": {"n" * 65: b"1"}}, "no name that matches"),
        ({"parts": {"a": b"x", "b": bytes(32 << 20)}}, "a memory of 33554433 bytes; 33554432"),
    ],
)
def test_what_the_port_does_not_say_is_an_error_that_names_it(change, sentence):
    with pytest.raises(ValueError, match=f"^the model gave .*{sentence}"):
        report(**change)


@pytest.mark.parametrize(
    ("order", "answered", "sentence"),
    [
        ([0, 0], 0, "a result of frame 1 after the final one of 1"),
        ([1, 0], 0, "a result of frame 1 after the final one of 2"),
        ([0, 1], 1, "a result of frame 1 after the final one of 1"),
    ],
    ids=["twice in a step", "out of order", "again in a later step"],
)
def test_a_final_result_that_comes_twice_or_out_of_order_is_an_error(order, answered, sentence):
    model = Wrong()
    model.change = {}
    (output,) = model.step([StepInput([PICTURE, PICTURE], 0)])
    given = replace(output, results=[output.results[index] for index in order])
    with pytest.raises(ValueError, match=f"^the model gave {sentence}$"):
        StepReporter(model, ResultOptions(), answered=answered)(given, lambda: None)


def test_a_track_that_is_listed_twice_is_an_error():
    model = Wrong()
    model.change = {}
    (output,) = model.step([StepInput([PICTURE], 0)])
    table = output.results[0].tracks
    twice = {
        name: np.repeat(column, 2) for name, column in vars(table).items() if column is not None
    }
    result = replace(output.results[0], tracks=replace(table, **twice))
    with pytest.raises(ValueError, match="the model gave a track twice on frame 1"):
        StepReporter(model, ResultOptions())(replace(output, results=[result]), lambda: None)
