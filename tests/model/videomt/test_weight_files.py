"""Published files of VidEoMT in both forms: their names, and the models that they become."""

from functools import cache

import pytest
import torch

from maskstream_model import load_model
from maskstream_model.checkpoint import load_weights, misfits, save_safetensors
from maskstream_model.errors import CheckpointError
from maskstream_model.port import StepInput
from maskstream_model.videomt import presets, weight_format
from maskstream_model.videomt.weight_names import POSITIONS, under_our_names
from support.tiny import tiny_frames
from support.videomt import made_up_weights, official_name
from support.weight_files import run, sentence_of

OFFICIAL = {
    "s_ytvis19": ["videomt_vits_ytvis19"],
    "b_ytvis19": ["videomt_vitb_ytvis19"],
    "l_ytvis19_21_22": [f"videomt_vitl_ytvis{year}" for year in (19, 21, 22)],
    "l_vipseg_vspw": ["videomt_vitl_vipseg", "videomt_vitl_vspw"],
}
TRANSFORMERS = {name: OFFICIAL[name] for name in ("s_ytvis19", "l_ytvis19_21_22")}
FORMS = [
    (f"{form}_{name}", preset)
    for form, files in (("official", OFFICIAL), ("transformers", TRANSFORMERS))
    for name, presets in files.items()
    for preset in presets
]
SMALL = "videomt_vits_ytvis19"


def hollow(shapes):
    """Tensors of some shapes, with hardly any memory."""
    with torch.device("meta"):
        return {name: torch.empty(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("file", "preset"), FORMS)
def test_published_names_and_shapes_are_those_of_the_preset(recordings, file, preset):
    published = hollow(recordings.shapes(file) | {"criterion.empty_weight": (41,)})
    found = misfits(weight_format.targets(preset), weight_format.adapted(preset, published))
    assert (found.missing, found.unexpected, found.shapes) == ([], [], [])


def test_the_file_of_ovis_has_25_classes():
    assert weight_format.targets("videomt_vitl_ovis")["class_head.weight"].shape == (26, 1024)


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        (SMALL, 24.087977),
        ("videomt_vitb_ytvis19", 94.182185),
        ("videomt_vitl_ytvis19", 317.649961),
        ("videomt_vitl_vipseg", 322.651261),
    ],
)
def test_presets_have_the_parameters_of_the_released_models(name, millions):
    values = sum(tensor.numel() for tensor in weight_format.targets(name).values())
    assert values == round(millions * 1e6)


def test_every_preset_is_registered_and_has_a_published_file():
    released = {release.preset for release in load_family().releases}
    assert released == set(presets.preset_names())
    assert all(release.caution and not release.licence for release in load_family().releases)


def load_family():
    from maskstream_model.families import family_of

    return family_of(SMALL)


@cache
def _official():
    return made_up_weights(presets.preset(SMALL).network, 40)


def official():
    """The authors' tensors; the caller may replace some."""
    return dict(_official())


def as_transformers(tensors):
    """Say the authors' weights in the names of the other library (section 3 of the reference)."""
    theirs = {}
    for name, tensor in tensors.items():
        name = name.removeprefix("backbone.")
        inner = name.removeprefix("encoder.backbone.")
        if inner == "pos_embed":
            theirs["embeddings.position_embeddings.weight"] = tensor[0]
        elif ".attn.qkv." in inner:
            block, kind = inner.removeprefix("blocks.").split(".attn.qkv.")
            for part, rows in zip("qkv", tensor.chunk(3), strict=True):
                theirs[f"layers.{block}.attention.{part}_proj.{kind}"] = rows.clone()
        else:
            theirs[other_name(name, inner)] = tensor
    return theirs


def other_name(name, inner):
    pairs = (
        ("blocks.", "layers."),
        (".attn.proj.", ".attention.out_proj."),
        (".ls1.gamma", ".layer_scale1.lambda1"),
        (".ls2.gamma", ".layer_scale2.lambda1"),
        ("patch_embed.proj.", "embeddings.patch_embeddings.projection."),
        ("class_head.", "class_predictor."),
        ("mask_head.0.", "mask_head.fc1."),
        ("mask_head.2.", "mask_head.fc2."),
        ("mask_head.4.", "mask_head.fc3."),
        ("upscale.", "upscale_block.block."),
    )
    whole = {
        "cls_token": "embeddings.cls_token",
        "reg_token": "embeddings.register_tokens",
        "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
        "q.weight": "query.weight",
    }
    for ours, theirs in pairs:
        inner = inner.replace(ours, theirs)
    inner = inner.replace(".norm.", ".layernorm2d.") if inner.startswith("upscale") else inner
    return whole.get(inner, inner)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same model as its authors write it, as `transformers` does, and bare."""
    folder, weights = tmp_path_factory.mktemp("videomt"), official()
    unused = {"backbone.attn_mask_probs": torch.ones(3), "criterion.empty_weight": torch.ones(41)}
    torch.save({"model": weights | unused, "iteration": 1}, folder / "official.pth")
    torch.save(weights, folder / "bare.pth")
    theirs = as_transformers(weights) | {"embeddings.mask_token": torch.zeros(1, 384)}
    save_safetensors(folder / "model.safetensors", theirs | unused, {"format": "pt"})
    yield folder
    for path in folder.iterdir():
        path.unlink()


def test_the_other_librarys_names_are_those_that_were_recorded(recordings):
    names = set(as_transformers(official())) | {"embeddings.mask_token", "attn_mask_probs"}
    assert names == set(recordings.shapes("transformers_s_ytvis19")) - {"criterion.empty_weight"}


def test_all_forms_are_the_same_model(files):
    models = [
        load_model(SMALL, files / name, min_size=None)
        for name in ("official.pth", "bare.pth", "model.safetensors")
    ]
    assert len({model.info.fingerprint for model in models}) == 1
    (frame,) = tiny_frames(1)
    results = [model.step([StepInput([frame], model.begin())])[0].results for model in models]
    assert len({tuple(result[0].tracks.track_ids) for result in results}) == 1


def test_a_converted_file_is_the_model_of_the_published_one(files):
    out = files / "out.safetensors"
    for name in ("official.pth", "model.safetensors"):
        done = run("convert", files / name, out, "--preset", SMALL)
        assert done.exit_code == 0, done.output
        model = load_model(SMALL, out)
        assert done.output == f"{out}: {SMALL}, fingerprint {model.info.fingerprint}\n"
        assert model.info.fingerprint == load_model(SMALL, files / name).info.fingerprint
        assert run("verify", out).output.splitlines()[-1] == f"fits {SMALL}"
    assert set(load_weights(out)) == set(weight_format.targets(SMALL))


def test_the_grid_of_positions_is_that_of_the_file(files):
    weights = official()
    name = official_name(POSITIONS)
    weights[name] = weights[name][:, : 30 * 30]
    torch.save(weights, files / "smaller.pth")
    model = load_model(SMALL, files / "smaller.pth")
    assert model.config.network.grid == (30, 30)
    assert run("verify", files / "smaller.pth", "--preset", SMALL).exit_code == 0


def test_weights_on_dinov3_are_refused_with_a_sentence(files, recordings):
    shapes = recordings.shapes("official_dinov3_l_ytvis")
    # Hardly any memory, nor bytes in the file.
    tensors = {name: torch.zeros([1] * len(shape)).expand(shape) for name, shape in shapes.items()}
    torch.save({"model": tensors}, files / "dinov3.pth")
    with pytest.raises(CheckpointError, match="on DINOv3, which no preset is for"):
        load_model("videomt_vitl_ytvis19", files / "dinov3.pth")
    sentence = sentence_of(run("verify", files / "dinov3.pth"))
    assert sentence.endswith(
        "does not fit any preset: it is a VidEoMT on DINOv3, which no preset is for"
    )


def test_parts_that_do_not_belong_together_are_left_to_the_comparison():
    weights = as_transformers(official())
    del weights["layers.3.attention.k_proj.bias"]
    weights["layers.4.attention.v_proj.bias"] = torch.zeros(2)
    found = misfits(weight_format.targets(SMALL), under_our_names(weights))
    assert found.missing == ["vit.blocks.3.attn.qkv.bias", "vit.blocks.4.attn.qkv.bias"]
    assert len(found.unexpected) == 5


def test_weights_of_another_preset_are_refused(files):
    with pytest.raises(CheckpointError, match="do not fit the model"):
        load_model("videomt_vitb_ytvis19", files / "official.pth")
    assert run("convert", files / "official.pth", files / "19.safetensors").exit_code == 0
    with pytest.raises(CheckpointError, match="holds weights of videomt_vits_ytvis19"):
        load_model("videomt_vitl_ytvis19", files / "19.safetensors")


def test_strangers_stay_as_they_are():
    stranger = {"model.weight": torch.zeros(3)}
    assert under_our_names(stranger) == stranger
