"""The gate: what is right passes, and each kind of fault is refused with its numbers."""

from functools import partial

import pytest
import torch

from maskstream_model import families
from maskstream_model.backends import clips, table
from maskstream_model.backends.accelerate import accelerate
from maskstream_model.backends.execution import Execution, Wish
from maskstream_model.backends.gate import (
    BOUNDS,
    agreement,
    full_precision,
    reference,
    refusal,
    relative_errors,
    worst,
)
from maskstream_model.backends.interface import Source
from maskstream_model.errors import CompileError
from support import genvis, videomt
from support.backends import eager_engine, with_fault
from support.tiny import tiny_associated_model, tiny_model

SIZE = (64, 96)
MAX_BATCH = 3
MODELS = {
    "daq": ("demo", tiny_model),
    "mask2former": ("demo_mask2former", tiny_associated_model),
    "videomt": ("videomt_vits_ytvis19", videomt.tiny_model),
    "genvis": ("genvis_r50_ovis_semi", partial(genvis.tiny_genvis, clip_frames=3)),
}


class Case:
    """A model, what eager computes of it, and an engine that is right."""

    def __init__(self, preset, build):
        self.graph = families.graph_of(preset, build())
        self.expected = reference(self.graph, SIZE, MAX_BATCH)
        size = self.graph.model.batch_key(*SIZE)
        self.source = Source(
            self.graph.fixed(size), self.graph.names, self.expected.largest, "float32"
        )
        self.engine = eager_engine(self.source)

    def refusal(self, engine, bounds=BOUNDS["float32"]):
        return refusal(agreement(self.graph, engine, self.expected, Execution("other")), bounds)


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    return Case(*MODELS[request.param])


@pytest.fixture(scope="module")
def daq():
    return Case(*MODELS["daq"])


def test_a_right_engine_passes_with_objects_compared(case):
    found = agreement(case.graph, case.engine, case.expected, Execution("other"))
    assert refusal(found, BOUNDS["float32"]) is None
    assert found["same_ids"]
    assert found["objects"] > 5
    assert found["min_iou"] > 0.99
    assert all(value < 1e-4 for name, value in found.items() if name.endswith(("_whole", "_query")))


def test_single_frames_padded_batches_and_full_ones_are_compared(case):
    assert {len(call.inputs[0]) for call in case.expected.calls} == {1, 2, 3}
    frames = [call.inputs[0] for call in case.expected.calls if len(call.inputs[0]) == 1]
    assert not torch.equal(frames[0], frames[1])


def test_an_output_that_is_off_by_one_per_cent_is_refused(case):
    for place, name in enumerate(case.graph.names):

        def larger(outputs, place=place):
            outputs[place] *= 1.01
            return outputs

        sentence = case.refusal(with_fault(case.engine, larger))
        assert f"{name}_whole by 1.0e-02 of its size (bound 0.002)" in sentence


def one_query(outputs):
    """One query of all is wrong: too little for the mean."""
    outputs[1][0, 2] *= 1.05
    return outputs


def swapped(outputs):
    outputs[0][0, [1, 2]] = outputs[0][0, [2, 1]]
    return outputs


def nan(outputs):
    outputs[2][-1, 0, 0, 0] = float("nan")
    return outputs


def second_of_a_batch(outputs):
    if len(outputs[0]) > 1:
        outputs[1][1] = outputs[1][0]
    return outputs


def masks_moved(outputs):
    outputs[2] = outputs[2].roll(2, -1)
    return outputs


FAULTS = [one_query, swapped, nan, second_of_a_batch, masks_moved]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_the_mean_would_hide_is_refused(daq, fault):
    sentence = daq.refusal(with_fault(daq.engine, fault))
    assert "_query by" in sentence


def test_one_wrong_query_among_many_is_within_the_bound_of_the_mean_and_not_within_its_own():
    right = torch.randn(2, 200, 16, generator=torch.Generator().manual_seed(0))
    wrong = right.clone()
    wrong[1, 77] *= 1.03
    whole, query = relative_errors(wrong, right)
    assert whole < BOUNDS["float32"].whole
    assert query > BOUNDS["float32"].query


def test_a_query_of_next_to_nothing_is_measured_against_the_others():
    right = torch.ones(1, 10, 16)
    right[0, 3] = 1e-7
    wrong = right.clone()
    wrong[0, 3] = 2e-7
    assert relative_errors(wrong, right)[1] < 1e-6


def test_masks_that_move_are_named_as_a_client_sees_them(daq):
    def features_moved(outputs):
        outputs[3] = outputs[3].roll(2, -1)
        return outputs

    assert "masks with an IoU of" in daq.refusal(with_fault(daq.engine, features_moved))


def test_ids_alone_refuse_an_exact_engine(daq):
    found = agreement(daq.graph, daq.engine, daq.expected, Execution("other"))
    sentence = refusal({**found, "same_ids": False, "min_iou": 0.98}, BOUNDS["float32"])
    assert sentence == "ids of tracks, masks with an IoU of 0.980 (bound 0.99)"


def test_an_engine_that_overwrites_what_it_returned_is_refused(daq):
    memory = {}

    def reusing(*inputs):
        outputs = daq.engine(*inputs)
        kept = memory.setdefault(len(inputs[0]), [each.clone() for each in outputs])
        for place, computed in zip(kept, outputs, strict=True):
            place.copy_(computed)
        return kept

    assert "_query by" in daq.refusal(reusing)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (lambda outputs: outputs[:1], "returns 1 tensors instead of 4"),
        (lambda outputs: [each[:, :1] for each in outputs], r"embeddings of the engine is \(1, 1,"),
    ],
    ids=["too few", "another shape"],
)
def test_outputs_that_are_not_there_are_refused(daq, fault, sentence):
    with pytest.raises(CompileError, match=sentence):
        daq.refusal(with_fault(daq.engine, fault))


def test_bfloat16_is_admitted_by_name_and_garbage_is_not(daq):
    def rounded(outputs):
        return [each.bfloat16().float() * 1.02 for each in outputs]

    assert daq.refusal(with_fault(daq.engine, rounded)) is not None
    assert daq.refusal(with_fault(daq.engine, rounded), BOUNDS["bfloat16"]) is None
    assert "nan" in daq.refusal(with_fault(daq.engine, nan), BOUNDS["bfloat16"])
    assert daq.refusal(with_fault(daq.engine, swapped), BOUNDS["bfloat16"]) is not None


def test_the_worst_of_several_sizes_is_reported():
    one = {"same_ids": True, "objects": 3, "min_iou": 0.999, "logits_whole": 1e-6}
    two = {"same_ids": False, "objects": 4, "min_iou": 1.0, "logits_whole": 1e-5}
    assert worst([one, two]) == {
        "same_ids": False,
        "objects": 7,
        "min_iou": 0.999,
        "logits_whole": 1e-5,
    }


def test_eager_is_compared_without_tf32_and_torch_is_left_as_it_was():
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    try:
        with full_precision():
            assert not torch.backends.cudnn.allow_tf32
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.backends.cudnn.allow_tf32 = before[0]
        torch.set_float32_matmul_precision(before[1])


def test_the_clips_are_the_same_each_time_and_differ_by_session():
    one, other = clips.clip((40, 60), 3, 0), clips.clip((40, 60), 3, 1)
    assert [frame.shape for frame in one] == [(40, 60, 3)] * 3
    assert all((a == b).all() for a, b in zip(one, clips.clip((40, 60), 3, 0), strict=True))
    assert (one[0] != one[2]).any()
    assert (one[0] != other[0]).any()


@pytest.mark.parametrize("name", table.BUILDERS)
def test_a_broken_backend_of_each_kind_is_refused(monkeypatch, tmp_path, name):
    backend = table.BUILDERS[name]()
    monkeypatch.setattr(backend, "obstacle", lambda device: None)
    monkeypatch.setattr(backend, "versions", lambda: "1")
    monkeypatch.setattr(backend, "build", lambda source, folder: "")
    monkeypatch.setattr(
        backend, "load", lambda source, folder: with_fault(eager_engine(source), one_query)
    )
    model = tiny_model()
    before = model.segmenter, model.fingerprint, model.info
    with pytest.raises(CompileError) as caught:
        accelerate(
            families.graph_of("demo", model), Wish(name, frame_sizes=(SIZE,)), folder=tmp_path
        )
    text = str(caught.value)
    assert text.startswith(
        f"{name} is not used: for frames of 96x64 in float32 it differs from eager: "
    )
    assert "logits_query by 5.0e-02 of its size (bound 0.02)" in text
    assert (model.segmenter, model.fingerprint, model.info) == before
