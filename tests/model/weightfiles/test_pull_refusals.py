"""`maskstream weights pull` of content that is refused: wrong, too large, or unfit."""

import pickle
import shutil
from collections import namedtuple

import pytest

from maskstream_model import load_model
from maskstream_model.errors import CheckpointError, DownloadError
from maskstream_model.weightfiles import fetching
from support.distributions import distribution
from support.hub import content, sha256
from support.published import NAME, plain, published, world

__all__ = ["distribution", "plain", "world"]


def test_another_file_of_the_right_size_is_refused_and_removed(world):
    world.publish()
    world.hub.faults = [content(published(2.0))]
    right, wrong = sha256(published()), sha256(published(2.0))
    with pytest.raises(DownloadError, match=f"its SHA-256 is {wrong}, but {right} by the hub"):
        world.pull()
    assert world.left == []
    world.pull()
    assert load_model("tiny")


@pytest.mark.parametrize("digest", ["0" * 63, "x" * 64, 7])
def test_a_hash_that_is_none_is_refused(world, digest):
    world.publish()
    world.hub.said[NAME] = {"sha256": digest}
    with pytest.raises(DownloadError, match="an invalid SHA-256"):
        world.pull()


@pytest.mark.parametrize("announced", [True, False])
def test_more_than_was_announced_is_refused(world, announced):
    world.publish()
    world.hub.faults = [content(published() + b"x", announced)]
    size = len(published())
    sentence = f"has {size + 1} bytes, not the {size}" if announced else f"more than {size} bytes"
    with pytest.raises(DownloadError, match=sentence):
        world.pull()
    assert world.left in ([], ["tiny.pth.part"])
    world.pull()
    assert world.ranges == [None, None]


@pytest.mark.parametrize("announced", [True, False])
def test_a_size_that_nobody_announced_is_bounded(plain, monkeypatch, announced):
    monkeypatch.setattr(fetching, "LIMIT_BYTES", len(published()) - 1)
    plain.hub.faults = [content(published(), announced)]
    monkeypatch.setattr(fetching, "facts_of_address", nothing_known)
    with pytest.raises(DownloadError, match=f"sends more than {len(published()) - 1} bytes"):
        plain.pull()


def nothing_known(web, address):
    return fetching.Facts(address, None, None, "")


def test_a_size_beyond_any_model_is_refused_before_the_download(world):
    world.publish()
    world.hub.said[NAME] = {"size": 1 << 40}
    with pytest.raises(DownloadError, match="would have 1099511627776 bytes"):
        world.pull()


def test_a_file_that_does_not_fit_is_not_kept(world):
    world.publish()
    world.hub.files[NAME] = published(shape=(3, 4))
    with pytest.raises(CheckpointError, match=r"^tiny\.pth from http.* cannot be used: .* not fit"):
        world.pull()
    assert world.left == []


def test_a_file_that_would_run_code_is_no_weight_file(world, tmp_path):
    mark = tmp_path / "was_run"

    class Code:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    world.publish()
    world.hub.files[NAME] = pickle.dumps({"state_dict": {"published.weight": Code()}})
    with pytest.raises(CheckpointError, match="is no weight file, or is damaged"):
        world.pull()
    assert not mark.exists()


def test_a_full_disk_is_seen_before_the_download(world, monkeypatch):
    world.publish()
    usage = namedtuple("Usage", "total used free")(10**12, 10**12, 2 * 10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DownloadError, match=r"has 0\.20 GB free on its disk, but 0\.27 GB are"):
        world.pull()
    assert world.hub.asked_for_files == []


def test_a_cache_that_cannot_be_written_is_one_sentence(world, tmp_path):
    world.publish()
    (tmp_path / "file").write_text("")
    world.environ["MASKSTREAM_WEIGHTS_DIR"] = str(tmp_path / "file")
    with pytest.raises(DownloadError, match=r"file cannot be used: File exists; MASKSTREAM_WEI"):
        world.pull()
