"""Export of the network, and the gate before a compiled one."""

import pytest
import torch

from maskstream_model.errors import CompileError
from maskstream_model.families import CompileRequest
from maskstream_model.videomt.compile import (
    NAMES,
    compile_model,
    compile_network,
    export_network,
)
from maskstream_model.videomt.compiled import CompiledNetwork
from support.tiny import tiny_frames
from support.videomt import tiny_model

SIZE = (64, 96)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def program(model):
    return export_network(model.network, (96, 64), max_batch=3)


def values(output):
    return [getattr(output, name) for name in NAMES]


def inputs(model, batch, size=(96, 64)):
    images = torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(batch))
    return images, model.network.first_queries() + torch.arange(batch)[:, None, None] / 10


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_exported_graph_computes_what_eager_computes(model, program, batch):
    given = inputs(model, batch)
    with torch.no_grad():
        expected = values(model.network(*given))
        outputs = program.module()(*given)
    for ours, eager in zip(outputs, expected, strict=True):
        torch.testing.assert_close(ours, eager, atol=1e-5, rtol=1e-5)


def test_the_exported_graph_is_plain_operations_and_resizes_no_positions(program):
    targets = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert {node.op for node in program.graph.nodes} == {"placeholder", "call_function", "output"}
    assert [name for name in targets if not name.startswith(("aten.", "<built-in function "))] == []
    assert not any("bicubic" in target for target in targets)


def honest(program, largest):
    module = program.module()
    return lambda *given: module(*given)


def wrong(output):
    """A compiler whose engine adds one per cent to an output of a batch of one."""

    def compiler(program, largest):
        module = program.module()

        def engine(*given):
            outputs = list(module(*given))
            outputs[output] = outputs[output] * 1.01
            return outputs

        return engine

    return compiler


def test_a_right_engine_is_used_for_its_size_and_smaller_batches(model):
    calls = []

    def counting(program, largest):
        module = program.module()

        def engine(*given):
            calls.append(len(given[0]))
            return module(*given)

        return engine

    compiled = compile_network(model.network, SIZE, counting, 2)
    assert isinstance(compiled, CompiledNetwork)
    calls.clear()
    with torch.no_grad():
        for batch, size in ((2, SIZE), (1, SIZE), (3, SIZE), (1, (96, 64))):
            given = inputs(model, batch, size)
            pairs = zip(values(compiled(*given)), values(model.network(*given)), strict=True)
            for ours, eager in pairs:
                torch.testing.assert_close(ours, eager, atol=1e-5, rtol=1e-5)
    assert calls == [2, 1]


@pytest.mark.parametrize("output", range(3), ids=NAMES)
def test_an_engine_that_is_slightly_wrong_is_refused(model, output):
    with pytest.raises(CompileError, match=f"{NAMES[output]} of the engine is off by 1.0e-02"):
        compile_network(model.network, SIZE, wrong(output))


def test_a_compiled_model_continues_with_the_memory_of_the_eager_one(model):
    request = CompileRequest("other", SIZE)
    compiled, reason = compile_model(model, request, {"other": lambda device: honest})
    assert reason is None
    assert isinstance(compiled.network, CompiledNetwork)
    frames = tiny_frames(3, seed=1)
    _, state = model.track_frame(frames[0], model.begin())
    for frame in frames[1:]:
        expected, after = model.track_frame(frame, state)
        output, _ = compiled.track_frame(frame, compiled.from_parts(model.to_parts(state)))
        assert torch.equal(output.track_ids, expected.track_ids)
        torch.testing.assert_close(output.mask_logits, expected.mask_logits, atol=1e-4, rtol=1e-4)
        state = after
    again, reason = compile_model(compiled, request, {"other": lambda device: honest})
    assert reason is None
    assert again.network.network is model.network


def test_a_refused_engine_leaves_eager_and_one_sentence(model):
    chosen, sentence = compile_model(
        model, CompileRequest("other", SIZE), {"other": lambda device: wrong(1)}
    )
    assert chosen is model
    assert sentence.startswith("The network runs eagerly: mask_logits of the engine is off by")
