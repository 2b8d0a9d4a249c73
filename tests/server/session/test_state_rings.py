"""A memory in parts: the same bytes again, and few parts that change."""

from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.torch import save

from maskstream_server.session.state_rings import RingError, count_tracks, join_rings, split_rings
from support.running import run
from support.tiny import tiny_frames, tiny_model

ROW_BYTES = 4 * 32


@pytest.fixture(scope="module")
def blobs():
    """The memories of a tiny model after each of twenty frames, in which tracks come and go."""
    model, state, made = tiny_model(), None, []
    for frame in tiny_frames(20, seed=3):
        _, state = run(model, [frame], state)
        made.append((model.state_to_bytes(state), state))
    assert len({state.num_tracks for _, state in made}) > 1
    return made


def test_parts_make_the_same_bytes_again(blobs):
    for blob, _ in blobs:
        assert join_rings(split_rings(blob)) == blob


def test_a_frame_changes_one_row_of_a_track_that_stays(blobs):
    for (before, _), (after, new) in pairwise(blobs):
        old_parts, new_parts = split_rings(before), split_rings(after)
        changed = {name for name, row in new_parts.items() if old_parts.get(name) != row}
        assert len(changed - {"rest"}) <= new.num_tracks
        assert all(len(new_parts[name]) == ROW_BYTES for name in changed - {"rest"})


def test_rows_of_tracks_that_are_gone_are_no_parts_any_more(blobs):
    for blob, state in blobs:
        tracks = {name.split("/")[1] for name in split_rings(blob) if name != "rest"}
        assert tracks == {str(track) for track in state.track_ids.tolist()}


def test_the_tracks_of_a_memory_are_counted(blobs):
    assert [count_tracks(blob) for blob, _ in blobs] == [state.num_tracks for _, state in blobs]
    assert count_tracks(b"7") == 0


def test_empty_slots_cost_nothing():
    tensors = {"track_ids": torch.tensor([4, 9]), "ring": torch.zeros(2, 3, 5)}
    tensors["ring"][1, 2] = 1
    parts = split_rings(save(tensors))
    assert set(parts) == {"rest", "ring/9/2"}
    assert join_rings(parts) == save(tensors)


@given(
    st.dictionaries(
        st.sampled_from("abuvwxyz"),
        arrays(np.float32, array_shapes(min_dims=1, max_dims=3, max_side=4)),
    ),
    st.lists(st.integers(0, 99), max_size=4, unique=True),
)
def test_any_tensors_come_back(arrays_by_name, tracks):
    tensors = {name: torch.from_numpy(values) for name, values in arrays_by_name.items()}
    blob = save({**tensors, "track_ids": torch.tensor(tracks, dtype=torch.int64)})
    assert join_rings(split_rings(blob)) == blob


@pytest.mark.parametrize("blob", [b"", b"17", bytes(40), b"\xff" * 40, save({"x": torch.ones(2)})])
def test_what_names_no_tracks_is_one_part(blob):
    assert split_rings(blob) == {"rest": blob}
    assert join_rings({"rest": blob}) == blob


@pytest.mark.parametrize("spoil", ["rest", "length", "stranger"])
def test_parts_that_do_not_belong_together_are_refused(blobs, spoil):
    parts = split_rings(blobs[-1][0])
    row = next(name for name in parts if name != "rest")
    if spoil == "rest":
        del parts["rest"]
    elif spoil == "length":
        parts[row] += b"?"
    else:
        parts["history/9999/0"] = parts[row]
    with pytest.raises(RingError):
        join_rings(parts)


def test_a_part_that_was_cut_off_is_refused_or_left_to_who_reads_it(blobs):
    parts = split_rings(blobs[-1][0])
    for length in range(len(parts["rest"])):
        with suppress(RingError):
            assert isinstance(join_rings(parts | {"rest": parts["rest"][:length]}), bytes)
