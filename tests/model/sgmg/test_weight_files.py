"""Published files of SgMg: their names, and from a file and a tokenizer to a model."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.checkpoint import misfits, state_of
from maskstream_model.errors import CheckpointError
from maskstream_model.families import family_of, release_of
from maskstream_model.sgmg.loading import load
from maskstream_model.sgmg.tokens import SPLIT
from maskstream_model.sgmg.weight_format import FORMAT
from support.sgmg import network_with_weights, tiny_config, write_tokenizer

STORED_BY_SOME = "text_encoder.text_backbone.embeddings.position_ids"


@pytest.mark.parametrize("backbone", ["t", "b"])
def test_every_name_of_a_released_file_is_taken_or_known_to_be_spare(recordings, backbone):
    preset = f"sgmg_videoswin_{backbone}"
    published = {
        name: torch.empty(shape, device="meta")
        for name, shape in recordings.shapes(backbone).items()
    }
    published[STORED_BY_SOME] = torch.empty(1, 514, device="meta")
    ours = FORMAT.adapted(preset, published)
    assert misfits(FORMAT.targets(preset), ours).count == 0
    spare = set(published) - set(ours) - {STORED_BY_SOME}
    assert len(spare) == 24
    assert all(name.startswith("transformer.decoder.bbox_embed.") for name in spare)
    assert FORMAT.adapted(preset, ours) == ours


@pytest.fixture
def file(tmp_path):
    """A published file of the tiny model, with the files of a tokenizer beside it."""
    tensors = state_of(network_with_weights(tiny_config().network))
    boxes = {f"transformer.decoder.{k}": v for k, v in tensors.items() if k.startswith("bbox_")}
    path = tmp_path / "tiny.pth"
    torch.save({"model": {**tensors, **boxes}, "epoch": 5}, path)
    return path


def test_a_published_file_is_loaded_with_the_tokenizer_beside_it(file, tmp_path):
    write_tokenizer(tmp_path, SPLIT)
    model = load(tiny_config(), file, "cpu", None)
    expected = state_of(network_with_weights(tiny_config().network))
    for name, tensor in state_of(model.network).items():
        assert tensor.equal(expected[name]), name
    assert (model.info.prompts, model.info.classes) == ("required", None)


def test_a_tokenizer_may_be_elsewhere_and_must_be_somewhere(file, tmp_path):
    with pytest.raises(CheckpointError, match="has no tokenizer"):
        load(tiny_config(), file, "cpu", None)
    write_tokenizer(tmp_path / "words", SPLIT)
    load(tiny_config(), file, "cpu", tmp_path / "words")


def test_weights_of_another_network_are_refused(file, tmp_path):
    write_tokenizer(tmp_path, SPLIT)
    config = tiny_config()
    other = replace(config, network=replace(config.network, layers=3))
    with pytest.raises(CheckpointError, match=r"missing: .*class_embed\.2"):
        load(other, file, "cpu", None)


def test_chunks_of_another_length_are_another_model(file, tmp_path):
    write_tokenizer(tmp_path, SPLIT)
    models = [load(tiny_config(chunk_frames=n), file, "cpu", None) for n in (4, 8)]
    assert models[0].info.fingerprint != models[1].info.fingerprint


@pytest.mark.parametrize("preset", ["sgmg_videoswin_t", "sgmg_videoswin_b"])
def test_both_presets_are_registered_with_their_licence(preset):
    assert family_of(preset).name == "sgmg"
    assert release_of(preset).licence == "CC BY-NC 4.0"
