"""Videos in a texture folder: a few frames of each, spread over its length, the same every time."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskstream_model.errors import DatasetError
from maskstream_train.data.synthetic import ClipGenerator, SyntheticConfig
from maskstream_train.data.synthetic.real_textures import (
    FRAMES_OF_VIDEO,
    list_textures,
    video_frames,
)

BARE = SyntheticConfig(height=64, width=96, num_frames=1, empty_ratio=1.0, degradation=0.0)
REAL = (
    *("05_bottles_hand_h264_1189f.mp4", "06_sign_person_fullrange.mkv"),
    *("07_nasa_multistream.mp4", "08_people_preview.gif", "29_cars_ts_start3600s.ts"),
)


def film(path: Path, num_frames: int, red: int = 0) -> Path:
    """A green video that grows lighter from frame to frame."""
    path.parent.mkdir(exist_ok=True)
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), code, 25.0, (96, 64))
    for number in range(num_frames):
        writer.write(np.full((64, 96, 3), (20, 40 + 2 * number, red), np.uint8))
    writer.release()
    return path


def test_a_long_video_lends_frames_from_its_whole_length(tmp_path: Path) -> None:
    frames = list(video_frames(film(tmp_path / "lawn.avi", 80)))
    greens = [float(frame[..., 1].mean()) for frame in frames]
    assert len(frames) == FRAMES_OF_VIDEO
    assert np.allclose(greens, [40 + 20 * part for part in range(FRAMES_OF_VIDEO)], atol=4)


def test_frames_that_lie_far_apart_are_the_ones_that_walking_would_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "lawn.avi", 80)
    walked = list(video_frames(path))
    monkeypatch.setattr("maskstream_train.data.synthetic.real_textures.LONG_WAY", 4)
    assert all(map(np.array_equal, video_frames(path), walked))


def test_a_video_of_one_frame_lends_it(tmp_path: Path) -> None:
    assert len(list(video_frames(film(tmp_path / "short.avi", 1)))) == 1


def test_a_video_counts_as_several_pictures(tmp_path: Path) -> None:
    path = film(tmp_path / "lawn.avi", 3)
    (tmp_path / "a.PNG").touch()
    assert list_textures(tmp_path) == (tmp_path / "a.PNG", *[path] * FRAMES_OF_VIDEO)


def test_videos_lend_backgrounds_and_clips_are_the_same_in_any_order(tmp_path: Path) -> None:
    film(tmp_path / "textures" / "lawn.avi", 3)
    config = replace(BARE, textures=tmp_path / "textures")
    generator, other = ClipGenerator(config, 2), ClipGenerator(config, 2)
    clips = {index: generator.clip(index).frames for index in range(25)}
    means = [clip.mean(axis=(0, 1, 2)) for clip in clips.values()]
    assert sum(bool(g > r + 15 and g > b + 5) for r, g, b in means) >= 4
    assert all(np.array_equal(other.clip(i).frames, clips[i]) for i in reversed(range(25)))


def test_a_video_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    generator = ClipGenerator(replace(BARE, textures=tmp_path), 0)
    with pytest.raises(DatasetError, match=r"broken\.mp4 cannot be read as a video"):
        list(map(generator.clip, range(30)))


@pytest.mark.parametrize("name", REAL)
def test_a_real_video_lends_pictures(name: str, test_data: Path) -> None:
    path = test_data / "clips" / name
    if not path.is_file():
        pytest.skip(f"no clips/{name} in the test data")
    frames = list(video_frames(path))
    assert len(frames) == FRAMES_OF_VIDEO
    assert len({frame.tobytes() for frame in frames}) == FRAMES_OF_VIDEO
    assert all(frame.shape == frames[0].shape and frame.std() > 10 for frame in frames)
