"""The graphs that backends get: they compute what eager does, and hold what compilers can take."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from maskstream_model import families
from maskstream_model.backends.interface import Source
from maskstream_model.config import EfficientNetConfig
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.mask2former.segmenter import Segmenter
from support import videomt
from support.genvis import tiny_genvis
from support.tiny import tiny_config, tiny_model

CHECK = Path(__file__).parents[3] / "scripts" / "converter_check.py"
# The backbone of the demo model; `backbones/test_build.py` exports the others.
BACKBONE = EfficientNetConfig(8, (4, 8, 8, 12, 12, 16, 20), (1, 2, 1, 1, 1, 1, 1))


def demo_like():
    config = tiny_config()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        segmenter = Segmenter(replace(config.segmenter, backbone=BACKBONE), config.num_classes)
    return OnlineDaq(config, segmenter, tiny_model().tracker, torch.device("cpu"), "none")


class Exported:
    def __init__(self, preset, model, size, grid_sample=False):
        self.preset, self.graph = preset, families.graph_of(preset, model)
        self.largest = [torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(1))]
        if "videomt" in preset:
            queries = model.network.first_queries() + torch.arange(3)[:, None, None] / 10
            self.largest.append(queries.contiguous())
        self.before = {name: value.clone() for name, value in model_state(self.graph).items()}
        fixed = self.graph.fixed(size)
        source = Source(fixed, self.graph.names, self.largest, "float32")
        self.program = source.program(grid_sample=grid_sample)
        self.targets = {
            str(node.target) for node in self.program.graph.nodes if node.op == "call_function"
        }


def model_state(graph):
    return graph.network.state_dict()


@pytest.fixture(scope="module")
def segmenter():
    return Exported("demo", demo_like(), (64, 96))


@pytest.fixture(scope="module")
def network():
    return Exported("videomt_vits_ytvis19", videomt.tiny_model(), (96, 64))


@pytest.fixture(scope="module")
def residual():
    return Exported("mask2former_r50_coco", tiny_model(), (64, 96))


@pytest.fixture(scope="module")
def encoder():
    return Exported("genvis_r50_ytvis19_online", tiny_genvis(), (64, 96))


@pytest.fixture(scope="module")
def by_grid():
    """As OpenVINO gets it."""
    return Exported("demo", tiny_model(), (64, 96), grid_sample=True)


@pytest.fixture(params=["segmenter", "network", "encoder", "by_grid"])
def exported(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_graph_computes_what_eager_computes(exported, batch):
    inputs = [each[:batch] for each in exported.largest]
    with torch.no_grad():
        expected = exported.graph.network(*inputs)
        outputs = exported.program.module()(*inputs)
    for name, ours in zip(exported.graph.names, outputs, strict=True):
        torch.testing.assert_close(ours, getattr(expected, name), atol=1e-5, rtol=1e-5)


def test_a_graph_is_one_of_plain_operations(exported):
    kinds = {node.op for node in exported.program.graph.nodes}
    assert kinds == {"placeholder", "call_function", "output"}
    plain = ("aten.", "<built-in function ")
    assert [name for name in exported.targets if not name.startswith(plain)] == []
    # TensorRT has no converter for it, and would part the graph there.
    assert not any(target.startswith("aten.all") for target in exported.targets)


@pytest.mark.parametrize("name", ["segmenter", "network", "residual", "encoder"])
def test_torch_tensorrt_has_a_converter_for_each_operation(name, request):
    """By a recording; after a change of operations `scripts/converter_check.py` makes it anew.

    It was made of the presets, but for `residual` and `encoder`, which are recorded as they are
    here: a preset's thousands of nodes take it a quarter of an hour, and are of the same kinds.
    """
    exported = request.getfixturevalue(name)
    presets = json.loads(Path(__file__).with_name("convertible.json").read_text())["presets"]
    assert exported.targets <= set(presets[exported.preset]["operations"])


@pytest.mark.slow
def test_torch_tensorrt_itself_has_a_converter_for_each_operation():
    folder = os.environ.get("MASKSTREAM_TORCH_TENSORRT")
    if folder is None:
        pytest.skip("MASKSTREAM_TORCH_TENSORRT names no folder with torch_tensorrt")
    asked = [sys.executable, CHECK, "demo", "96x64", "--package", folder]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout
    assert json.loads(done.stdout)["missing"] == {}


def test_the_segmenter_samples_by_gathering(segmenter):
    assert any("gather" in target for target in segmenter.targets)
    # TensorRT's grid sample is known to be wrong.
    assert not any("grid_sampl" in each or "embedding_bag" in each for each in segmenter.targets)


def test_the_segmenter_samples_by_its_own_operation_where_the_backend_has_it(by_grid):
    assert any("grid_sampl" in target for target in by_grid.targets)
    assert not any("gather" in target for target in by_grid.targets)


def test_positions_are_resized_before_the_graph(network):
    assert not any("bicubic" in target for target in network.targets)


def test_no_activation_is_in_place_behind_a_slice(segmenter):
    """It would become a scatter."""
    named = [(str(node.target), node) for node in segmenter.program.graph.nodes]
    in_place = [node for name, node in named if name.split(".")[:2][-1].endswith("_")]
    assert len(in_place) > 10
    assert not any("slice" in str(node.args[0].target) for node in in_place)


def test_an_export_leaves_the_network_as_it_was(exported):
    after = model_state(exported.graph)
    assert list(after) == list(exported.before)
    assert all(torch.equal(after[name], exported.before[name]) for name in after)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_in_bfloat16_sampling_and_mask_logits_stay_in_float32():
    model = tiny_model()
    graph = families.graph_of("demo", model)
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    program = Source(graph.fixed((64, 96)), graph.names, [images], "bfloat16").program()
    program = program.run_decompositions()
    dtypes = {}
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor):
            dtypes.setdefault(str(node.target), set()).add(value.dtype)
    assert torch.bfloat16 in dtypes["aten.convolution.default"]
    assert dtypes["aten.gather.default"] == {torch.float32}
    assert dtypes["aten.bmm.default"] >= {torch.float32}
    outputs = program.module()(images)
    assert {each.dtype for each in outputs} == {torch.float32}
