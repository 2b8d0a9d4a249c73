"""Clips of several frames, and what the memory keeps of them."""

import numpy as np
import pytest
import torch

from maskstream_model.conformance.case import run, seen
from maskstream_model.errors import StateError
from maskstream_model.frame_by_frame import NO_OPTIONS
from maskstream_model.genvis.presets import preset, preset_names
from maskstream_model.memory_bounds import MAX_PARTS_BYTES
from maskstream_model.port import SessionOptions, StepInput
from support.genvis import tiny_genvis
from support.tiny import tiny_frames

FRAMES = tiny_frames(8, seed=1)


@pytest.fixture(scope="module")
def semi():
    return tiny_genvis(clip_frames=3)


def test_frames_of_a_clip_get_their_final_results_together(semi):
    state, counts = semi.begin(), []
    for frame in FRAMES:
        (output,) = semi.step([StepInput([frame], state)])
        state = output.state
        counts.append((sum(r.final for r in output.results), semi.committed(state)))
    assert counts == [(0, 0), (0, 0), (3, 3), (0, 3), (0, 3), (3, 6), (0, 6), (0, 6)]
    assert [r.index for r in semi.flush(state).results] == [7, 8]
    assert semi.info.lookahead == 2


def test_a_waiting_frame_has_the_result_that_a_flush_would_give_it(semi):
    state = semi.begin()
    for frame in FRAMES[:4]:
        (output,) = semi.step([StepInput([frame], state)])
        state = output.state
    (early,) = (result for result in output.results if not result.final)
    (late,) = semi.flush(state).results
    assert early.index == late.index == 4
    np.testing.assert_array_equal(early.tracks.track_ids, late.tracks.track_ids)
    np.testing.assert_array_equal(early.tracks.scores, late.tracks.scores)


def test_slots_read_all_frames_of_a_clip_and_update_once(semi):
    """A clip of three frames against the module's own words: one readout, three sets of masks."""
    (output,) = semi.step([StepInput(FRAMES[:3], semi.begin())])
    with torch.no_grad():
        (frames,) = semi._encode([StepInput(FRAMES[:3], semi.begin())], None)
        queries = torch.stack([frame.queries for frame in frames])
        first = semi.clips.first_queries()
        said = semi.clips(queries[None], semi.clips.recall(first, first[None][:0])[None])
    torch.testing.assert_close(output.state.queries, said.queries[0])
    assert output.state.num_steps == 1
    assert len(output.state.prototypes) == 1
    scores = said.logits[0].softmax(-1)[:, :-1].amax(-1)
    rows = (scores > semi.config.online.emergence_score_min).nonzero()[:, 0]
    for frame, result in zip(frames, output.results, strict=True):
        assert result.tracks.track_ids.tolist() == (rows + 1).tolist()
        expected = torch.einsum("qc,chw->qhw", said.mask_embeddings[0, rows], frame.mask_features)
        torch.testing.assert_close(result.masks.mask_logits, expected)


def test_the_order_of_a_clips_frames_does_not_matter_to_what_slots_read(semi):
    """No position says which frame a frame query is of, as in the specification."""
    (one,) = semi.step([StepInput(FRAMES[:3], semi.begin())])
    (other,) = semi.step([StepInput(FRAMES[2::-1], semi.begin())])
    torch.testing.assert_close(one.state.queries, other.state.queries, atol=1e-5, rtol=1e-5)


def test_the_memory_keeps_the_newest_clips_in_a_ring():
    model = tiny_genvis(memory_steps=5)
    state, before = model.begin(), {}
    for number, frame in enumerate([*FRAMES, *FRAMES], 1):
        (output,) = model.step([StepInput([frame], state)])
        state = output.state
        parts = model.to_parts(state)
        changed = {name for name in parts if parts[name] != before.get(name)}
        assert changed <= {"facts", "queries", "tracks", f"prototypes/{(number - 1) % 5}"}
        assert len(parts) == 3 + min(number, 5)
        before = parts
    assert all(each.values.dtype == torch.float16 for each in state.prototypes)


def test_without_a_limit_the_whole_memory_is_kept_in_full_precision():
    model = tiny_genvis(memory_steps=None)
    _, state = run(model, FRAMES, NO_OPTIONS)
    assert [each.values.dtype for each in state.prototypes] == [torch.float32] * len(FRAMES)
    with pytest.raises(StateError, match=r"there must be prototypes of 8 clips, not 7"):
        model.from_parts(without(model.to_parts(state), "prototypes/0"))


def without(parts, name):
    return {key: blob for key, blob in parts.items() if key != name}


def test_a_limit_changes_nothing_but_rounding_until_it_is_reached():
    runs = [
        seen(model, run(model, FRAMES, NO_OPTIONS)[0])
        for model in (tiny_genvis(memory_steps=8), tiny_genvis(memory_steps=None))
    ]
    for limited, whole in zip(*runs, strict=True):
        assert limited.facts == whole.facts
        assert np.abs(limited.scores - whole.scores).max(initial=0) < 2e-3


def test_a_limit_that_is_passed_changes_what_slots_read():
    states = [
        run(tiny_genvis(memory_steps=steps), FRAMES, NO_OPTIONS)[1].queries for steps in (2, 8)
    ]
    assert (states[0] - states[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", preset_names())
def test_a_full_memory_of_each_preset_is_within_the_ports_bound(name):
    config = preset(name)
    count, width = config.clips.num_queries, config.clips.hidden_dim
    ring = 2 * config.online.memory_steps * count * width
    rest = 4 * count * (width + config.num_classes + 2) + (1 << 16)
    assert ring + rest <= MAX_PARTS_BYTES


def test_parts_that_cannot_belong_together_are_refused():
    model = tiny_genvis()
    _, state = run(model, FRAMES, NO_OPTIONS)
    parts = model.to_parts(state)
    facts = parts["facts"].replace(b'"num_steps":8', b'"num_steps":9')
    with pytest.raises(StateError, match="clips must be as many as the frames need"):
        model.from_parts({**parts, "facts": facts})
    with pytest.raises(StateError, match="state lacks its part facts"):
        model.from_parts(without(parts, "facts"))
    wrong = np.full(len(parts["prototypes/3"]) // 2, np.inf, "<f2").tobytes()
    with pytest.raises(StateError, match="not finite"):
        model.from_parts({**parts, "prototypes/3": wrong})
    with pytest.raises(StateError, match="belongs to model"):
        tiny_genvis(seed=1).from_parts(parts)
    with pytest.raises(StateError, match="at most 1 are allowed"):
        model.from_parts(parts, SessionOptions(max_tracks=1))


def test_clips_of_a_whole_video_are_cut_where_its_steps_are():
    """A resumed video continues at such a cut, so that steps are whole clips or parts of one."""
    for frames in (1, 3, 4):
        model = tiny_genvis(clip_frames=frames)
        for most in range(1, 9):
            count = model.clip_frames(64, 96, most)
            assert 1 <= count <= most
            assert count % frames == 0 or frames % count == 0
