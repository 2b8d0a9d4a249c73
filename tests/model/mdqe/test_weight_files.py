"""Published files of MDQE: their names, and the models that they become."""

import pytest
import torch

from maskstream_model import load_model
from maskstream_model.checkpoint import misfits, state_of
from maskstream_model.families import family_of
from maskstream_model.loading import WeightFile
from maskstream_model.mdqe import presets, weight_format
from maskstream_model.mdqe.config import MdqeConfig
from maskstream_model.mdqe.loading import built
from maskstream_model.mdqe.network import MdqeNetwork
from support.mdqe import CPU, TINY, fill, official_name

FILES = [
    ("r50_ovis_f4", "mdqe_r50_ovis"),
    ("r50_ovis_f4", "mdqe_r50_ovis_720"),
    ("r50_ytvis21_f4", "mdqe_r50_ytvis21"),
    ("r50_ytvis21_f4", "mdqe_r50_ytvis19"),
    ("swinl_ovis_f2", "mdqe_swinl_ovis"),
    ("swinl_ytvis21_f3", "mdqe_swinl_ytvis21"),
    ("swinl_ytvis21_f3", "mdqe_swinl_ytvis19"),
]


@pytest.mark.parametrize(("file", "preset"), FILES)
def test_published_names_and_shapes_are_those_of_the_preset(recordings, file, preset):
    published = recordings.shapes(file)
    found = misfits(weight_format.targets(preset), weight_format.adapted(preset, published))
    assert (found.missing, found.unexpected, found.shapes) == ([], [], [])


def test_our_own_names_stay_as_they_are():
    ours = weight_format.targets("mdqe_r50_ovis")
    assert weight_format.adapted("mdqe_r50_ovis", ours) == ours


def test_every_preset_is_registered_with_what_its_authors_report():
    releases = family_of("mdqe_r50_ovis").releases
    assert {release.preset for release in releases} == set(presets.preset_names())
    assert all(release.caution and not release.licence for release in releases)


def test_a_published_file_loads_with_its_pattern_of_points():
    config = MdqeConfig("mdqe_r50_ovis", presets.preset("mdqe_r50_ovis").classes[:4], TINY)
    network = fill(MdqeNetwork(TINY, 4))
    published = {official_name(name): tensor for name, tensor in state_of(network).items()}
    pattern = "detr.transformer_dec.decoder.layers.0.cross_attn.sampling_offsets"
    published[pattern] = published[pattern] + 1
    published["criterion.query_relpos_grid"] = torch.zeros(16, 16, 2)
    published["detr.transformer_dec.decoder.norm.weight"] = torch.zeros(32)
    model = built(config, WeightFile("published", config.name, published), CPU)
    for name, tensor in state_of(model.network).items():
        assert torch.equal(tensor, published[official_name(name)]), name


def test_windows_of_swin_v2_are_those_of_the_file():
    config = presets.preset("mdqe_swinl_ovis")
    name = "backbone.layers.{}.blocks.0.attn.relative_coords_table".format
    tables = {name(0): torch.empty(1, 47, 47, 2), name(3): torch.empty(1, 23, 23, 2)}
    backbone = weight_format.with_window(config, tables).network.backbone
    assert (backbone.windows, backbone.shifted) == ((24, 24, 24, 12), (True, True, False, False))
    equal = tables | {name(3): tables[name(0)]}
    backbone = weight_format.with_window(config, equal).network.backbone
    assert (backbone.windows, backbone.shifted) == ((24, 24, 24, 24), (True,) * 4)
    assert weight_format.with_window(config, {}) == config


@pytest.mark.slow
def test_a_preset_with_random_weights_answers_late():
    model = load_model("mdqe_r50_ovis", weights="random")
    assert (model.info.lookahead, model.info.family) == (3, "mdqe")
