"""Export of the frame encoder, and the gate before a compiled one."""

import pytest
import torch

from maskstream_model.families import CompileRequest
from maskstream_model.genvis.compile import compile_encoder, compile_model
from maskstream_model.genvis.compiled import CompiledEncoder
from maskstream_model.port import StepInput
from support.genvis import tiny_genvis
from support.tiny import tiny_frames

SIZE = (64, 96)


@pytest.fixture(scope="module")
def model():
    return tiny_genvis(clip_frames=3)


def honest(program, largest):
    module = program.module()
    return lambda *given: module(*given)


def wrong(program, largest):
    """A compiler whose engine adds one per cent to the frame queries."""
    module = program.module()

    def engine(*given):
        queries, features = module(*given)
        return [queries * 1.01, features]

    return engine


def test_a_right_engine_is_used_for_its_size_and_smaller_batches(model):
    calls = []

    def counting(program, largest):
        module = program.module()

        def engine(*given):
            calls.append(len(given[0]))
            return module(*given)

        return engine

    compiled = compile_encoder(model.encoder, SIZE, counting, model.device, 2)
    calls.clear()
    for batch, size in ((2, SIZE), (1, SIZE), (3, SIZE), (1, (96, 64))):
        images = torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(batch))
        with torch.no_grad():
            ours, eager = compiled(images), model.encoder(images)
        torch.testing.assert_close(ours.queries, eager.queries, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(ours.mask_features, eager.mask_features, atol=1e-5, rtol=1e-5)
    assert calls == [2, 1]


def test_a_compiled_model_continues_with_the_memory_of_the_eager_one(model):
    request = CompileRequest("other", SIZE)
    compiled, reason = compile_model(model, request, {"other": lambda device: honest})
    assert reason is None
    assert isinstance(compiled.encoder, CompiledEncoder)
    frames = tiny_frames(6, seed=1)
    (first,) = model.step([StepInput(frames[:3], model.begin())])
    state = compiled.from_parts(model.to_parts(first.state))
    (ours,) = compiled.step([StepInput(frames[3:], state)])
    (eager,) = model.step([StepInput(frames[3:], first.state)])
    for one, other in zip(ours.results, eager.results, strict=True):
        assert one.tracks.track_ids.tolist() == other.tracks.track_ids.tolist()
        logits = (one.masks.mask_logits, other.masks.mask_logits)
        torch.testing.assert_close(*logits, atol=1e-4, rtol=1e-4)
    again, reason = compile_model(compiled, request, {"other": lambda device: honest})
    assert reason is None
    assert again.encoder.encoder is model.encoder


def test_a_refused_engine_leaves_eager_and_one_sentence(model):
    request = CompileRequest("other", SIZE)
    chosen, sentence = compile_model(model, request, {"other": lambda device: wrong})
    assert chosen is model
    assert sentence.startswith("The encoder runs eagerly: queries of the engine is off by")
