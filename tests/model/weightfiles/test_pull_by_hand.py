"""`maskstream weights pull` of a file that its user has downloaded, with what lies beside it."""

import pytest

from maskstream_model.errors import CheckpointError, DownloadError
from maskstream_model.families import release_of
from maskstream_model.weightfiles.cache import weights_for
from maskstream_model.weightfiles.pull import pull
from support.distributions import distribution
from support.published import published, world
from support.weight_files import run

__all__ = ["distribution", "world"]

BY_HAND = {"by_hand": True, "companions": ("words/vocab.json", "words/merges.txt")}


@pytest.fixture
def downloads(tmp_path):
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "best.pth").write_bytes(published())
    (folder / "vocab.json").write_text("{}")
    return folder


def test_a_downloaded_file_is_converted_and_what_lies_beside_it_is_taken_along(world, downloads):
    world.publish("", **BY_HAND)
    pulled = world.pull(str(downloads / "best.pth"))
    assert pulled.path == world.target
    assert (world.cache / "words" / "vocab.json").read_text() == "{}"
    assert world.left == ["tiny.safetensors", "vocab.json", "weights.lock.json"]
    assert world.observer.said[-1] == "Took vocab.json along."
    assert world.hub.receiver.asked == []


@pytest.mark.parametrize("origin", [None, "downloads"])
def test_the_file_itself_has_to_be_named(world, downloads, origin):
    world.publish("", **BY_HAND)
    with pytest.raises(DownloadError, match=r"by hand: `maskstream weights pull tiny --from FILE`"):
        world.pull(origin and str(downloads))
    assert world.hub.receiver.asked == []


def test_a_server_without_the_file_says_how_it_is_pulled(world):
    world.publish("", **BY_HAND)
    with pytest.raises(CheckpointError, match=r"by hand, then `maskstream weights pull tiny --fr"):
        weights_for("tiny", None)


@pytest.mark.parametrize(
    ("preset", "publisher"),
    [
        ("genvis_swinl_ovis_semi", "the authors of GenVIS, at https://"),
        ("genvis_r50_ytvis21_online", "nobody yet"),
        ("mdqe_r50_ovis_720", "the authors of MDQE, at https://"),
        ("sgmg_videoswin_b", "the authors of SgMg, at https://"),
    ],
)
def test_presets_without_an_address_say_who_publishes_them(world, preset, publisher):
    says = rf"by hand: `maskstream weights pull {preset} --from FILE`.*publisher: {publisher}"
    with pytest.raises(DownloadError, match=says):
        pull(preset, world.observer)
    with pytest.raises(CheckpointError, match=rf"pull {preset} --from FILE`"):
        weights_for(preset, None)


def test_the_licence_of_sgmg_has_to_be_agreed_to(tmp_path, monkeypatch):
    release = release_of("sgmg_videoswin_t")
    assert (release.licence, release.by_hand) == ("CC BY-NC 4.0", True)
    assert "forbids commercial use" in release.caution
    file = tmp_path / "model.pth"
    file.write_bytes(published())
    monkeypatch.setenv("MASKSTREAM_WEIGHTS_DIR", str(tmp_path / "cache"))
    command = ["pull", "sgmg_videoswin_t", "--from", file]
    refused = run(*command)
    assert refused.exit_code == 1
    assert "Licence of the weights: CC BY-NC 4.0." in refused.stderr
    assert "nothing was pulled" in refused.stderr
    agreed = run(*command, "--accept-licence")
    assert "Licence of the weights: CC BY-NC 4.0." in agreed.stderr
    # It was agreed to; this file is of another model.
    assert "model.pth" in agreed.stderr
    assert "cannot be used" in agreed.stderr
