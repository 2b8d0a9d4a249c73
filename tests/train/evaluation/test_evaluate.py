"""Evaluation from frame to report: a model that knows the truth has full marks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskstream_model.port import StepOutput
from maskstream_model.tasks.results import frame_result
from maskstream_model.video import NO_OPTIONS
from maskstream_train.data.annotated import AnnotatedObject, AnnotatedVideo, AnnotatedVideos
from maskstream_train.data.rle import decode_masks
from maskstream_train.evaluation.evaluate import evaluate_model, track_frame
from maskstream_train.evaluation.records import VideoRecorder
from maskstream_train.evaluation.results import read_results, score_results
from maskstream_train.evaluation.submission import ResultCollector, write_results
from maskstream_train.evaluation.variants import (
    daq_variant,
    evaluate_variants,
    hungarian_variant,
)
from support.clip_results import video_result
from support.oracle import SIZE, Oracle, squares
from support.rle import encode_mask
from support.tiny import tiny_config, tiny_frames, tiny_model

SPANS = [(0, 11), (2, 5), (1, 11), (0, 6)]


def test_a_model_that_knows_the_truth_has_full_marks_in_everything() -> None:
    report = evaluate_model(Oracle(tiny_config()), [squares(SPANS), squares(SPANS[1:])])
    assert (report.num_clips, report.num_frames) == (2, 24)
    for summary in (report.by_class, report.agnostic):
        assert summary.overall["AP"] == pytest.approx(1)
        assert summary.overall["AR10"] == 1
    ratios = report.ratios()
    assert ratios.pop("switches_per_object") == 0
    assert ratios == dict.fromkeys(ratios, 1.0)
    assert (report.identities.emerged, report.identities.disappeared) == (4, 4)


def test_a_model_slow_to_let_go_loses_disappearances_only() -> None:
    report = evaluate_model(_Stubborn(tiny_config(), patience=9), [squares([(0, 4)])])
    assert report.identities.disappearance_recall == 0
    assert report.identities.recall == 1


class _Stubborn(Oracle):
    """Says of a missed track that it is tracked."""

    def _output(self, frame, listed, status):
        return super()._output(frame, listed, dict.fromkeys(listed, 1))


class _Late:
    """A model whose results wait for two further frames."""

    def __init__(self, model) -> None:
        self._model, self.info = model, replace(model.info, lookahead=2)

    def begin(self, options=NO_OPTIONS):
        return self._model.begin(options), ()

    def step(self, batch, pause=None):
        (given,) = batch
        state, waiting = given.state
        (output,) = self._model.step([replace(given, state=state)])
        waiting = (*waiting, *output.results)
        return [StepOutput(list(waiting[:-2]), (output.state, waiting[-2:]))]

    def flush(self, state, options=NO_OPTIONS, pause=None):
        return StepOutput(list(state[1]), (state[0], ()))


def test_results_that_come_late_are_compared_with_their_own_frames() -> None:
    report = evaluate_model(_Late(Oracle(tiny_config())), [squares(SPANS), squares(SPANS[1:])])
    assert report.num_frames == 24
    assert report.agnostic.overall["AP"] == pytest.approx(1)
    assert report.identities.recall == 1


def test_wrong_classes_cost_precision_by_class_but_not_agnostic() -> None:
    report = evaluate_model(Oracle(tiny_config(), wrong_class=True), [squares(SPANS)])
    # the right class comes second, below the wrong one, so nothing is quite lost
    assert report.by_class.overall["AP"] < 0.6
    assert report.agnostic.overall["AP"] == pytest.approx(1)
    assert report.identities.precision == 1


def test_tracks_below_the_shown_score_are_hidden_from_identities_only() -> None:
    report = evaluate_model(Oracle(tiny_config()), [squares(SPANS)], score_min=0.9999)
    assert report.identities.recall == 0
    assert report.by_class.overall["AP"] == pytest.approx(1)


def test_a_clip_without_objects_and_tracks_measures_nothing() -> None:
    report = evaluate_model(Oracle(tiny_config()), [squares([])])
    assert report.by_class.overall["AP"] == -1
    assert set(report.ratios().values()) == {-1}


def test_progress_is_reported_every_frame() -> None:
    done: list[int] = []
    evaluate_model(Oracle(tiny_config()), [squares(SPANS)], progress=done.append)
    assert sum(done) == 12


def test_the_report_becomes_json() -> None:
    report = evaluate_model(Oracle(tiny_config()), [squares(SPANS)])
    content = json.loads(json.dumps(report.as_json()))
    assert content["vis"]["AP50"] == pytest.approx(1)
    assert content["counts"]["switches"] == 0
    assert "vis" not in report.as_json(by_class=False)


def test_collected_tracks_become_a_result_file(tmp_path: Path) -> None:
    collector = ResultCollector(categories=[10, 20, 30])
    evaluate_model(Oracle(tiny_config()), [squares([(2, 5)])], collector=collector)
    write_results(tmp_path / "results.json", collector.detections)
    best = read_results(tmp_path / "results.json")[0]
    assert (best.video_id, best.category) == (1, 10)
    masks = decode_masks(best.segmentations, *SIZE)
    assert masks.any((1, 2)).tolist() == [2 <= t <= 5 for t in range(12)]
    assert None not in best.segmentations
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_variants_on_shared_segmentations_score_as_the_model_alone() -> None:
    rng = np.random.default_rng(0)
    clip = squares(SPANS)
    noise = [rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8) for _ in range(clip.num_frames)]
    truths = [truth for _, truth in clip.frames]
    clip = replace(clip, frames=list(zip(noise, truths, strict=True)))
    model = tiny_model(emergence_score_min=0.5)
    done: list[int] = []
    variants = {
        "same": daq_variant(model, {}),
        "strict": daq_variant(model, {"emergence_score_min": 1.0, "first_frame_score_min": 1.0}),
        "hungarian": hungarian_variant(model, {"similarity_min": 0.5}),
    }
    reports = evaluate_variants(model, variants, [clip], done.append)
    assert reports["same"].as_json() == evaluate_model(model, [clip]).as_json()
    alone = evaluate_model(variants["hungarian"], [clip])
    assert reports["hungarian"].as_json() == alone.as_json()
    assert reports["same"].identities.tracks > 0
    assert reports["strict"].identities.tracks == 0
    assert sum(done) == 36


@pytest.mark.parametrize("patience", [2, 8])
def test_entries_are_those_of_the_models_own_clip_result(patience: int) -> None:
    model = tiny_model(emergence_score_min=0.6, max_missed_frames=patience)
    clip = squares(SPANS)
    frames = tiny_frames(clip.num_frames, size=SIZE)
    recorder, outputs, state = VideoRecorder(clip.truth_labels), [], model.begin()
    for frame, (_, truth) in zip(frames, clip.frames, strict=True):
        output, state = model.track_frame(frame, state)
        outputs.append(output)
        result = frame_result(output, len(outputs), SIZE, model.config)
        recorder.add(track_frame(result, 3), truth)
    record = recorder.record()
    tracks, labels, scores = record.best_entries()
    expected = video_result(outputs, SIZE)
    assert len(expected.scores) > 0
    assert scores == pytest.approx(expected.scores.numpy(), abs=1e-6)
    assert record.track_ids[tracks].tolist() == expected.track_ids.tolist()
    assert labels.tolist() == expected.labels.tolist()
    areas = expected.masks.flatten(2).sum(2).T.numpy()
    assert np.array_equal(record.areas[:, tracks], areas)


@pytest.mark.parametrize("agnostic", [False, True])
def test_the_result_file_scores_what_the_report_says(agnostic: bool) -> None:
    clip = squares(SPANS)
    pairs = list(clip.frames)
    objects = tuple(
        AnnotatedObject(
            category=1 + label,
            crowd=False,
            segmentations=tuple(encode_mask(truth[index]) for _, truth in pairs),
            areas=tuple(float(truth[index].sum()) for _, truth in pairs),
            occlusion=None,
        )
        for index, label in enumerate(clip.truth_labels.tolist())
    )
    video = AnnotatedVideo(1, *SIZE, tuple(str(index) for index in range(len(pairs))), objects)
    truth = AnnotatedVideos((video,), {1: "a", 2: "b", 3: "c"})
    collector = ResultCollector(categories=None if agnostic else [1, 2, 3])
    model = Oracle(tiny_config(), wrong_class=True)
    report = evaluate_model(model, [clip], collector=collector)
    expected = report.agnostic if agnostic else report.by_class
    scored = score_results(truth, collector.detections, agnostic=agnostic)
    assert dict(scored.overall) == pytest.approx(dict(expected.overall))
    assert scored.overall["AP"] > 0
