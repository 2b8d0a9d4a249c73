"""Published files of GenVIS: their names, and the models that they become."""

import pytest
import torch

from maskstream_model import load_model
from maskstream_model.checkpoint import load_weights, misfits
from maskstream_model.errors import CheckpointError
from maskstream_model.families import family_of
from maskstream_model.genvis import presets, weight_format
from maskstream_model.genvis.loading import built
from maskstream_model.loading import WeightFile
from support.genvis import made_up_weights, tiny_genvis
from support.weight_files import run, sentence_of

ONLINE, SEMI = "genvis_r50_ovis_online", "genvis_r50_ovis_semi"
LOSSES = {
    f"{name}.empty_weight": torch.ones(26)
    for name in ("criterion", "vita_criterion", "genvis_criterion")
}


def hollow(shapes):
    """Tensors of some shapes, with hardly any memory."""
    with torch.device("meta"):
        return {name: torch.empty(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("name", [ONLINE, SEMI])
def test_published_names_and_shapes_are_those_of_the_preset(released_shapes, name):
    published = hollow(released_shapes[name])
    found = misfits(weight_format.targets(name), weight_format.adapted(name, published))
    assert (found.missing, found.unexpected, found.shapes) == ([], [], [])
    assert found.num_matching == len(published) - 3


def test_presets_have_the_parameters_of_the_released_models():
    """57.4 million, of which 13.4 are the clip module's."""
    targets = weight_format.targets(ONLINE)
    trained = {name: each for name, each in targets.items() if ".running_" not in name}
    count = {name: each.numel() for name, each in trained.items()}
    assert round(sum(count.values()) / 1e6, 1) == 57.4
    clips = sum(size for name, size in count.items() if name.startswith("vita_module."))
    assert round(clips / 1e6, 1) == 13.4


def test_every_preset_is_registered_and_listed_with_its_facts():
    family = family_of(ONLINE)
    assert {family_of(name) for name in presets.preset_names()} == {family}
    assert {release.preset for release in family.releases} == set(presets.preset_names())
    assert all(release.licence == "Apache-2.0" for release in family.releases)


@pytest.mark.parametrize("name", presets.preset_names())
def test_presets_are_run_as_the_authors_tested_them(name):
    config = presets.preset(name)
    large, semi = "swinl" in name, name.endswith("semi")
    assert config.online.clip_frames == (3 if semi else 1)
    assert config.online.min_size == (448 if large else 360)
    assert config.clips.num_queries == config.segmenter.num_queries == (200 if large else 100)


def test_a_published_file_is_loaded_without_the_weights_of_the_losses():
    config = tiny_genvis().config
    weights = made_up_weights(config)
    files = [
        WeightFile("published", config.name, weights | extra)
        for extra in ({}, LOSSES, {"genvis_module.unknown": torch.ones(1)})
    ]
    models = [built(config, file, torch.device("cpu")) for file in files[:2]]
    assert len({model.info.fingerprint for model in models}) == 1
    with pytest.raises(CheckpointError, match=r"unexpected: genvis_module\.unknown"):
        built(config, files[2], torch.device("cpu"))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A file as the authors write it."""
    path = tmp_path_factory.mktemp("genvis") / "genvis.pth"
    weights = made_up_weights(presets.preset(ONLINE))
    torch.save({"model": weights | LOSSES, "iteration": 1}, path)
    yield path
    path.unlink()


@pytest.mark.slow  # a file in full size; the test before takes a small one
def test_a_converted_file_is_the_model_of_the_published_one(published):
    out = published.with_suffix(".safetensors")
    done = run("convert", published, out, "--preset", ONLINE)
    assert done.exit_code == 0, done.output
    models = [load_model(ONLINE, file) for file in (published, out)]
    assert len({model.info.fingerprint for model in models}) == 1
    assert models[0].info.fingerprint in done.output
    assert set(load_weights(out)) == set(weight_format.targets(ONLINE))
    with pytest.raises(CheckpointError, match=f"holds weights of {ONLINE}, not of {SEMI}"):
        load_model(SEMI, out)
    out.unlink()


@pytest.mark.slow
def test_a_published_file_is_loaded_for_any_preset_of_its_shapes(published):
    assert load_model(SEMI, published).info.lookahead == 2


@pytest.mark.slow
def test_a_file_of_other_classes_is_refused_with_a_sentence(published):
    weights = dict(torch.load(published)["model"])
    for name in list(weights):
        if ".class_embed." in name:
            weights[name] = weights[name][:8]
    path = published.with_name("seven.pth")
    torch.save(weights, path)
    sentence = sentence_of(run("verify", path))
    path.unlink()
    assert "does not fit any preset" in sentence
    assert "7 classes" in sentence
