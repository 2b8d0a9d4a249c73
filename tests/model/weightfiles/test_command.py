"""`maskstream weights`: what is listed, what is said of a file, what is written and what is not."""

import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest
import torch

from maskstream_model import load_model, preset_names
from maskstream_model.checkpoint import load_weights, save_safetensors
from maskstream_model.errors import CheckpointError
from support.weight_files import DEMO, empty, released, run, sentence_of

__all__ = ["released"]

CHECKOUT = Path(__file__).resolve().parents[3]


def test_every_preset_is_listed_with_what_its_authors_report():
    lines = run("list").output.splitlines()
    rows = {line.split("  ")[0]: line for line in lines}
    assert set(preset_names()) <= set(rows)
    for part in ("OVIS", "Apache-2.0", "hf://zhouyik/DVIS-DAQ/model_ovis_online_vitl.pth"):
        assert part in rows["daq_vitl_ovis"]
    assert "AP 53.7, AP50 78.7, AP75 58.2" in rows["daq_vitl_ovis"]
    assert "VPQ 42.1, things 41.7, stuff 42.5" in rows["daq_r50_vipseg"]
    assert "AP 43.5, AP50 72.5, AP75 43.8" in rows["daq_r50_ovis_offline"]
    assert "model_ovis_offline_r50" in rows["daq_r50_ovis_offline"]
    assert "shipped" in rows["demo"]
    assert " Apache-2.0 " in rows["daq_vitl_ovis"]
    assert " Apache-2.0* " in rows["daq_r50_ovis"]
    assert " not stated* " in rows["mdqe_r50_ovis"]
    assert " not stated* hf://tue-mps" in " ".join(rows["videomt_vits_ytvis19"].split())
    assert "none of them was measured here" in lines[-1]


def test_the_shipped_file_fits_its_preset():
    done = run("verify", DEMO)
    assert done.exit_code == 0, done.output
    assert "548 tensors, 5.17 million values" in done.output
    assert "fits demo" in done.output


LARGE = (
    "daq_swinl_ovis",
    "daq_vitl_vipseg",
    "daq_r50_ovis_offline",
    "daq_vitl_ytvis19_offline",
    "daq_vitl_ytvis21_offline",
)
"""Files that take seconds; `test_presets` compares the same names and shapes without memory."""


@pytest.mark.parametrize(
    "name",
    [
        "daq_r50_ovis",
        *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE),
    ],
)
def test_a_released_file_fits_the_preset_of_its_names_and_shapes(released, name):
    done = run("verify", released(empty(name)))
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == f"fits {name}"


def test_presets_that_differ_in_nothing_are_both_named(released):
    path = released(empty("daq_r50_ytvis21"))
    assert "fits daq_r50_ytvis19 and daq_r50_ytvis21" in run("verify", path).output
    refusal = sentence_of(run("convert", path, path.with_name("o.safetensors")))
    assert "name the one it is for with --preset" in refusal
    assert not path.with_name("o.safetensors").exists()


def test_what_is_missing_left_over_and_of_another_shape_is_reported(released):
    tensors = empty("daq_r50_ovis")
    del tensors["tracker.bg_slots.weight"]
    tensors["stranger"] = torch.zeros(1)
    tensors["tracker.decoder_norm.bias"] = torch.zeros(7)
    done = run("verify", released(tensors))
    assert "does not fit any preset" in sentence_of(done)
    assert "nearest preset: daq_r50_ovis" in done.output
    assert "missing (1): tracker.bg_slots.weight" in done.output
    assert "left over (1): stranger" in done.output
    assert (
        "of another shape (1): tracker.decoder_norm.bias is (7,) instead of (256,)" in done.output
    )


@pytest.mark.parametrize("matching", [True, False])
def test_verify_lists_all_that_an_error_of_loading_cuts_short(tmp_path, matching):
    path = tmp_path / "some weights.safetensors"
    strangers = {f"stranger{index}": torch.zeros(1) for index in range(30)}
    save_safetensors(path, strangers | (load_weights(DEMO) if matching else {}), {})
    with pytest.raises(CheckpointError) as caught:
        load_model("demo", path)
    command = str(caught.value).rpartition("; ")[2].split("`")[1]
    assert command == f"maskstream weights verify '{path}' --preset demo"
    done = run(*shlex.split(command)[2:])
    assert sentence_of(done)
    names = [*strangers, *([] if matching else load_weights(DEMO))]
    assert [name for name in names if name not in done.output.replace(",", "").split()] == []


def offline(tensors):
    tensors["refiner.decoder_norm.weight"] = torch.zeros(256)


def many_classes(tensors):
    for name in [name for name in tensors if "class_embed" in name]:
        tensors[name] = torch.zeros(134, *tensors[name].shape[1:])


def segmenter_alone(tensors):
    for name in [name for name in tensors if name.startswith("tracker.")]:
        del tensors[name]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (offline, "it has the refiner of an offline model, but fits none that is released"),
        (many_classes, "it has 133 classes, as no preset has"),
        (segmenter_alone, "it has no tracker"),
    ],
)
def test_a_variant_without_a_preset_is_reported(released, change, sentence):
    tensors = empty("daq_r50_ovis")
    change(tensors)
    path = released(tensors)
    assert sentence in sentence_of(run("verify", path))
    assert sentence in sentence_of(run("convert", path, path.with_name("o.safetensors")))
    assert [entry.name for entry in path.parent.iterdir()] == ["released.pth"]


def test_a_file_is_held_against_one_preset_when_that_is_named(released):
    done = run("verify", released(empty("daq_r50_ovis")), "--preset", "daq_r50_ytvis19")
    assert "does not fit daq_r50_ytvis19" in sentence_of(done)
    assert "is (26, 256) instead of (41, 256)" in done.output


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_truncated_file_is_one_sentence(tmp_path, ending):
    whole, cut = tmp_path / f"whole{ending}", tmp_path / f"cut{ending}"
    if ending == ".pth":
        torch.save({"model": load_weights(DEMO)}, whole)
    else:
        whole.write_bytes(DEMO.read_bytes())
    for share in (0, 0.001, 0.5, 0.999):
        cut.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
        for command in (("verify", cut), ("convert", cut, tmp_path / "out.safetensors")):
            assert "is no weight file, or is damaged" in sentence_of(run(*command))
    assert not (tmp_path / "out.safetensors").exists()


def test_a_flipped_bit_inside_a_released_file_is_found(released):
    path = released(load_weights(DEMO))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "is damaged: released/data/" in sentence_of(run("verify", path))


def test_what_is_no_checkpoint_is_one_sentence(tmp_path, released):
    (tmp_path / "letter.pth").write_text("Dear reader.")
    assert "is no weight file" in sentence_of(run("verify", tmp_path / "letter.pth"))
    assert "there is no weight file at" in sentence_of(run("verify", tmp_path / "none.pth"))
    assert "there is no weight file at" in sentence_of(run("verify", tmp_path))
    assert "not one of its tensors" in sentence_of(run("verify", released({"a": torch.ones(2)})))
    torch.save({"model": {}}, tmp_path / "empty.pth")
    assert "holds no weights" in sentence_of(run("verify", tmp_path / "empty.pth"))
    assert "unknown model 'nix'" in sentence_of(run("verify", DEMO, "--preset", "nix"))


def test_numbers_that_are_none_are_refused_by_name(tmp_path):
    tensors = load_weights(DEMO)
    tensors["tracker.decoder_norm.bias"][3] = float("nan")
    save_safetensors(tmp_path / "w.safetensors", tensors, {})
    sentence = sentence_of(run("verify", tmp_path / "w.safetensors"))
    assert "infinite numbers or NaN: tracker.decoder_norm.bias" in sentence


def test_every_entry_point_is_a_command():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    entries = project["entry-points"]["maskstream.commands"]
    assert entries["weights"] == "maskstream_model.weightfiles.command:weights"
    for value in entries.values():
        module, _, name = value.partition(":")
        assert isinstance(getattr(import_module(module), name), click.Command)


def test_the_list_needs_no_torch():
    code = (
        "import sys; from maskstream_model.weightfiles.command import weights\n"
        "try: weights(['list'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
