"""`maskstream weights pull` with a hub that answers as it should: what comes, and what is kept."""

import json
import re
import threading

import pytest
import torch
from safetensors import safe_open

from maskstream_model import load_model
from maskstream_model.checkpoint import save_safetensors
from maskstream_model.errors import CheckpointError, ConfigError, DownloadError
from maskstream_model.families import releases
from support.distributions import distribution
from support.hub import cut_off, sha256
from support.published import NAME, SOURCE, published, world

__all__ = ["distribution", "world"]

CHECKING = "Checking and converting tiny.pth (1 MB)."


def test_a_published_file_is_checked_converted_and_found_by_its_preset(world):
    world.publish()
    pulled = world.pull()
    assert pulled.path == world.target
    with safe_open(pulled.path, "pt") as stored:
        header = stored.metadata()
        assert list(stored.keys()) == ["weight"]
    assert header == {"preset": "tiny", "fingerprint": pulled.fingerprint, "source": "tiny.pth"}
    assert load_model("tiny").info.fingerprint == pulled.fingerprint
    content = world.hub.files[NAME]
    assert world.observer.agreed == [
        ("tiny", len(content), f"{world.hub.url}/someone/tiny/resolve/c0ffee/files/tiny.pth")
    ]
    assert world.observer.done[-1] == (len(content), len(content))
    assert world.observer.said == [CHECKING]
    assert json.loads((world.cache / "weights.lock.json").read_text()) == {
        SOURCE: {
            "sha256": sha256(content),
            "size": len(content),
            "origin": f"{world.hub.url}/someone/tiny/resolve/c0ffee/files/tiny.pth",
            "date": "2026-11-29",
        }
    }
    assert world.left == ["tiny.safetensors", "weights.lock.json"]


def test_what_is_cached_is_not_asked_for_again(world):
    world.publish()
    world.pull()
    world.hub.receiver.asked.clear()
    assert world.pull().fingerprint is None
    assert world.hub.receiver.asked == []


def test_the_commit_that_was_checked_is_the_one_that_is_downloaded(world):
    world.publish("hf://someone/tiny@v1/files/tiny.pth")
    world.pull()
    assert [each.path for each in world.hub.receiver.asked] == [
        "/api/models/someone/tiny/revision/v1?blobs=true",
        "/someone/tiny/resolve/c0ffee/files/tiny.pth",
    ]


def test_the_catalogue_knows_a_hash_better_than_the_hub(world):
    world.publish(sha256="0" * 64)
    with pytest.raises(DownloadError, match=r"0{64} by the catalogue; it is not used"):
        world.pull()
    assert world.hub.asked_for_files == []
    assert world.left == []


def test_a_file_that_was_replaced_is_refused_until_that_is_accepted(world):
    world.publish()
    before = world.pull().fingerprint
    world.hub.files[NAME] = published(2.0)
    world.target.unlink()
    world.hub.receiver.asked.clear()
    with pytest.raises(DownloadError, match=r"pulled on 2026-11-29 from http.*--refresh accepts"):
        world.pull()
    assert world.hub.asked_for_files == []
    after = world.pull(refresh=True).fingerprint
    assert after != before
    world.target.unlink()
    assert world.pull().fingerprint == after


def test_a_refresh_that_fails_leaves_what_was_there(world):
    world.publish()
    world.pull()
    before = world.target.read_bytes()
    world.hub.files[NAME] = published(shape=(2, 2))
    with pytest.raises(CheckpointError, match=r"tiny\.pth from http.* does not fit tiny"):
        world.pull(refresh=True)
    assert world.target.read_bytes() == before
    assert world.left == ["tiny.safetensors", "weights.lock.json"]
    assert world.pull().fingerprint is None


def test_the_first_file_is_trusted_where_nobody_knows_its_hash(world):
    world.publish(f"{world.hub.url}/plain/tiny.pth")
    world.hub.files["plain/tiny.pth"] = published()
    world.pull()
    checking, sentence = world.observer.said
    assert checking == CHECKING
    assert sentence.startswith("Nobody publishes a whole SHA-256 of tiny.pth: that of this file w")
    world.target.unlink()
    world.hub.files["plain/tiny.pth"] = published(2.0)
    with pytest.raises(DownloadError, match=r"is not the right file: .* by weights\.lock\.json"):
        world.pull()
    assert world.left == ["weights.lock.json"]


def test_a_name_with_the_first_digits_of_the_hash_is_compared_with_the_file(world):
    world.hub.files["plain/tiny.pth"] = published()
    world.publish(f"{world.hub.url}/plain/tiny.pth", sha256_prefix=sha256(published(2.0))[:8])
    wrong = rf"but {sha256(published(2.0))[:8]}\.\.\. by its name, .*, --refresh accepts it\.$"
    with pytest.raises(DownloadError, match=wrong):
        world.pull()
    assert world.left == []
    world.hub.files["plain/tiny.pth"] = published(2.0)
    world.pull()
    assert "Nobody publishes a whole SHA-256" in world.observer.said[-1]
    world.target.unlink()
    world.hub.files["plain/tiny.pth"] = published()
    world.pull(refresh=True)
    assert load_model("tiny")


def test_the_names_of_mmdetections_files_end_in_eight_digits_of_their_hash():
    published_rows = [row for row in releases() if "mmdetection" in row.source]
    assert len(published_rows) == 10
    for row in published_rows:
        assert re.fullmatch(r"[0-9a-f]{8}", row.sha256_prefix)
        assert row.file.endswith(f"-{row.sha256_prefix}.pth")


def test_a_damaged_lock_file_trusts_nothing(world):
    world.publish()
    world.cache.mkdir()
    for text in ("[]", "{", json.dumps({SOURCE: {"sha256": "1"}}), json.dumps({SOURCE: 3})):
        (world.cache / "weights.lock.json").write_text(text)
        with pytest.raises(DownloadError, match=r"weights\.lock\.json is damaged"):
            world.pull()
    assert world.hub.receiver.asked == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_folder_takes_the_place_of_the_network(world, tmp_path, whole):
    world.publish(sha256=sha256(published()))
    path = tmp_path / "mirror" / "tiny.pth"
    path.parent.mkdir()
    path.write_bytes(published())
    world.pull(str(path.parent if whole else path))
    assert load_model("tiny")
    assert world.hub.receiver.asked == []
    assert path.read_bytes() == published()


def test_a_folder_without_the_file_or_with_another_is_one_sentence(world, tmp_path):
    world.publish(sha256=sha256(published()))
    with pytest.raises(DownloadError, match=r"there is no .*tiny\.pth"):
        world.pull(str(tmp_path))
    (tmp_path / "tiny.pth").write_bytes(published(2.0))
    with pytest.raises(DownloadError, match=r"tiny\.pth from .* is not the right file"):
        world.pull(str(tmp_path))
    assert (tmp_path / "tiny.pth").is_file()


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_weights_in_another_form_leave_the_published_file_trusted(world, tmp_path, mirrored):
    world.publish()
    before = world.pull().fingerprint
    other = tmp_path / "model.safetensors"
    save_safetensors(other, {"published.weight": torch.zeros(300, 1000)}, {})
    world.hub.files["mirror/model.safetensors"] = other.read_bytes()
    origin = f"{world.hub.url}/mirror/model.safetensors" if mirrored else str(other)
    assert world.pull(origin, refresh=True).fingerprint != before
    lock = json.loads((world.cache / "weights.lock.json").read_text())
    assert set(lock) == {SOURCE, origin}
    world.target.unlink()
    assert world.pull().fingerprint == before
    world.target.unlink()
    save_safetensors(other, {"published.weight": torch.ones(300, 1000)}, {})
    world.hub.files["mirror/model.safetensors"] = other.read_bytes()
    with pytest.raises(DownloadError, match="pulled on 2026-11-29 from"):
        world.pull(origin)


def test_a_copy_under_the_published_name_is_held_to_what_was_published(world, tmp_path):
    world.publish()
    world.pull()
    world.target.unlink()
    (tmp_path / "tiny.pth").write_bytes(published(2.0))
    world.hub.files["mirror/tiny.pth"] = published(2.0)
    for origin in (str(tmp_path), str(tmp_path / "tiny.pth"), f"{world.hub.url}/mirror/"):
        with pytest.raises(DownloadError, match="pulled on 2026-11-29 from"):
            world.pull(origin)


def test_a_mirror_is_an_address_of_a_folder_or_of_the_file(world):
    world.publish(sha256=sha256(published()))
    world.hub.files["mirror/other.pth"] = world.hub.files["mirror/tiny.pth"] = published()
    world.pull(f"{world.hub.url}/mirror/")
    world.pull(f"{world.hub.url}/mirror/other.pth", refresh=True)
    assert [each.path for each in world.hub.receiver.asked if each.method == "GET"] == [
        "/mirror/tiny.pth",
        "/mirror/other.pth",
    ]


def test_two_that_pull_at_once_download_once(world):
    world.publish()
    held = threading.Event()
    world.hub.faults = [cut_off(1000, held)]
    waiting = threading.Event()

    class Second(type(world.observer)):
        def say(self, sentence):
            super().say(sentence)
            waiting.set()

    first = threading.Thread(target=world.pull)
    first.start()
    while not world.hub.asked_for_files:
        first.join(0.01)
    world.observer = second = Second()
    other = threading.Thread(target=world.pull)
    other.start()
    assert waiting.wait(60)
    held.set()
    first.join()
    other.join()
    assert second.said == ["Another process is pulling tiny; this one waits for it."]
    assert [each.headers.get("range") for each in world.hub.asked_for_files] == [
        None,
        "bytes=1000-",
    ]
    assert load_model("tiny")


def test_nothing_is_pulled_for_presets_that_bring_their_weights(world):
    world.publish("")
    with pytest.raises(ConfigError, match="nothing is published for tiny"):
        world.pull()


def test_nothing_is_downloaded_that_is_not_wanted(world):
    world.publish()
    world.observer.refuses = True
    with pytest.raises(DownloadError, match="nothing was pulled"):
        world.pull()
    assert world.hub.asked_for_files == []


def test_a_model_without_weights_names_the_command_and_auto_pulls(world):
    world.publish()
    with pytest.raises(CheckpointError, match=r"run `maskstream weights pull tiny`.*--weights au"):
        load_model("tiny")
    mark = load_model("tiny", "auto").info.fingerprint
    assert load_model("tiny").info.fingerprint == mark
    assert len(world.hub.asked_for_files) == 1


def test_the_demo_model_needs_no_network_to_be_automatic(world):
    assert load_model("demo", "auto").fingerprint == load_model("demo").fingerprint
    assert world.hub.receiver.asked == []
