"""`maskstream weights convert`: what is written, and what is left where that fails."""

import os

import pytest
import torch
from safetensors import SafetensorError, safe_open

from maskstream_model import checkpoint, load_model
from maskstream_model.checkpoint import load_weights, save_safetensors
from maskstream_model.daq.weight_format import targets
from support.weight_files import DEMO, empty, released, run, sentence_of, twins

__all__ = ["released", "twins"]


def test_a_converted_file_holds_the_same_model_and_its_fingerprint(tmp_path, released):
    tensors = load_weights(DEMO)
    out = tmp_path / "out.safetensors"
    done = run("convert", released(tensors), out)
    assert done.exit_code == 0, done.output
    model = load_model("demo", out)
    assert done.output == f"{out}: demo, fingerprint {model.fingerprint}\n"
    assert model.fingerprint == load_model("demo").fingerprint
    with safe_open(out, "pt") as stored:
        metadata = stored.metadata()
    assert metadata == {
        "preset": "demo",
        "fingerprint": model.fingerprint,
        "source": "released.pth",
    }
    ours = load_weights(out)
    assert set(ours) == set(tensors)
    assert all(torch.equal(ours[name], tensors[name]) for name in tensors)
    assert "fits demo" in run("verify", out).output


def test_a_converted_file_remembers_for_which_of_two_presets_it_is(tmp_path, released, twins):
    out, (other, preset) = tmp_path / "out.safetensors", twins
    assert run("convert", released(empty(preset)), out, "--preset", preset).exit_code == 0
    assert run("verify", out).output.splitlines()[-1] == f"fits {preset}"
    sentence = sentence_of(run("verify", out, "--preset", other))
    assert f"was converted for {preset}" in sentence


@pytest.mark.slow
def test_an_offline_file_is_converted_with_its_refiner(tmp_path, released):
    out = tmp_path / "out.safetensors"
    try:
        done = run("convert", released(empty("daq_r50_ovis_offline")), out)
        assert done.exit_code == 0, done.output
        with safe_open(out, "pt") as stored:
            assert stored.metadata()["preset"] == "daq_r50_ovis_offline"
            assert set(stored.keys()) == set(targets("daq_r50_ovis_offline"))
        assert run("verify", out).output.splitlines()[-1] == "fits daq_r50_ovis_offline"
    finally:
        # A third of a gigabyte that pytest would keep.
        out.unlink(missing_ok=True)


def test_a_file_changed_after_its_conversion_is_reported(tmp_path):
    out = tmp_path / "out.safetensors"
    assert run("convert", DEMO, out).exit_code == 0
    with safe_open(out, "pt") as stored:
        metadata = stored.metadata()
    tensors = load_weights(out)
    tensors["tracker.decoder_norm.bias"] += 1
    save_safetensors(out, tensors, metadata)
    assert "does not have the fingerprint in its header" in sentence_of(run("verify", out))


def test_a_conversion_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    out = tmp_path / "out.safetensors"
    out.write_text("old")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    assert "cannot be written: No space left" in sentence_of(run("convert", DEMO, out))
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.safetensors"]
    assert out.read_text() == "old"


def test_a_disk_that_fills_up_is_one_sentence(tmp_path, monkeypatch):
    def fail(tensors, path, metadata):
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", fail)
    sentence = sentence_of(run("convert", DEMO, tmp_path / "out.safetensors"))
    assert "out.safetensors cannot be written: I/O error: No space left" in sentence
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    nowhere = tmp_path / "nowhere" / "out.safetensors"
    assert "cannot be written: No such file or directory" in sentence_of(
        run("convert", DEMO, nowhere)
    )
    assert "must end in .safetensors" in sentence_of(run("convert", DEMO, tmp_path / "out.pth"))
