"""Files of a whole video: the server's artifacts and what a client makes of its lines."""

from collections.abc import Iterator

import pytest

from client.clips import numbered_frames, write_clip
from maskstream_client.video_commands import videos as videos_command
from maskstream_client.videos import Videos
from maskstream_exports.formats import FORMATS
from support.server import LiveServer, running_server
from support.video_calls import call, sentence_of

NAMES = [name for name in FORMATS if name != "panoptic.zip"]
"""The fake model is none for panoptic results."""


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server() as made:
        yield made


def test_artifacts_and_exports_of_a_video_are_the_same_files(live, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", numbered_frames(6, 47, 63))
    videos = Videos(live.url)
    options = {"mask_scale": 0.5, "frame_stride": 2, "show_min": 0.3}
    video = videos.wait(videos.submit(clip, artifacts=NAMES, **options))
    assert (video.frame_rate, video.width, video.height) == (5.0, 63, 47)
    videos.download(video, tmp_path / "server")
    paths = videos.export(video, tmp_path / "client", NAMES)
    assert [path.name for path in paths] == NAMES
    for name in NAMES:
        ours, theirs = (tmp_path / place / name for place in ("client", "server"))
        assert ours.read_bytes() == theirs.read_bytes(), name
    done = call(videos_command, "export", video.id, "coco.json", *at(live, tmp_path / "shell"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "shell" / "coco.json").read_bytes() == (
        tmp_path / "server" / "coco.json"
    ).read_bytes()


def test_what_cannot_be_exported_is_one_sentence(live, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", numbered_frames(2))
    video = Videos(live.url).submit(clip)
    there = at(live, tmp_path / "out")
    unknown = sentence_of(call(videos_command, "export", video.id, "poem.txt", *there))
    assert "There is no form 'poem.txt'; known: ytvis.json, coco.json" in unknown
    panoptic = sentence_of(call(videos_command, "export", video.id, "panoptic.zip", *there))
    assert "of a panoptic model alone" in panoptic
    nothing = sentence_of(call(videos_command, "export", "abc", "coco.json", *there))
    assert "abc" in nothing
    assert not (tmp_path / "out").exists()


def at(live, folder):
    return ("--url", live.url, "--out", folder)
