"""Real clips in over HTTP, and all their files out."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from pycocotools import mask as coco

from maskstream_server.media.decoder import open_video
from support.lossless import write_lossless
from support.odd_videos import KINDS
from support.server import running_server
from support.tiny import tiny_frames, tiny_panoptic_model

SOON_S = 150.0
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # pycocotools
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with running_server() as live, httpx.Client(base_url=live.url, timeout=SOON_S) as client:
        yield client


def finished(client: httpx.Client, clip: Path, **options) -> dict:
    with clip.open("rb") as file:
        data = {"options": json.dumps(options)}
        video = client.post("/v1/videos", files={"file": file}, data=data).json()["id"]
    until = time.monotonic() + SOON_S
    while (record := client.get(f"/v1/videos/{video}").json())["state"] != "done":
        assert record["state"] != "failed", record
        assert time.monotonic() < until, record
        time.sleep(0.05)
    return record


def artifact(client: httpx.Client, record: dict, name: str) -> io.BytesIO:
    answer = client.get(f"/v1/videos/{record['id']}/artifacts/{name}")
    assert answer.status_code == 200
    return io.BytesIO(answer.content)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("01_cars_enter_leave_h264_aac.mp4", marks=pytest.mark.slow),
        "15_phone_portrait_rot90.mp4",
    ],
)
def test_an_overlay_has_the_frames_times_and_sound_of_its_source(client, test_data, name):
    clip = test_data / "clips" / name
    record = finished(client, clip, artifacts=["overlay.mp4", "ytvis.json"], mask_scale=0.5)
    assert record["warning"] is None
    with open_video(clip) as source:
        info, times = source.info, [frame.time_s for frame in source]
    with av.open(artifact(client, record, "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert float(stream.average_rate) == pytest.approx(float(info.rate), rel=0.01)
        assert bool(container.streams.audio) == info.has_audio
        frames = list(container.decode(video=0))
    assert (frames[0].width, frames[0].height) == (
        info.width + info.width % 2,
        info.height + info.height % 2,
    )
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-3)
    (track,) = json.load(artifact(client, record, "ytvis.json"))
    assert len(track["segmentations"]) == len(times) == record["frames_done"]


def test_every_file_of_a_video_with_frames_left_out_says_the_same(client, tmp_path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(10))
    names = ["ytvis.json", "overlay.mp4", "masks.zip", "tracks.parquet"]
    record = finished(client, clip, artifacts=names, frame_stride=3)
    assert (record["artifacts"], record["frames_done"]) == (names, 4)
    rows = parquet.read_table(artifact(client, record, "tracks.parquet")).to_pylist()
    assert [(row["frame"], row["track_id"]) for row in rows] == [(0, 1), (3, 1), (6, 1), (9, 1)]
    (track,) = json.load(artifact(client, record, "ytvis.json"))
    areas = [int(coco.decode(rle).sum()) for rle in track["segmentations"]]
    assert areas == [row["area"] for row in rows]
    assert track["frame_rate"] == 3.333
    with zipfile.ZipFile(artifact(client, record, "masks.zip")) as masks:
        pictures = [f"{row['frame']:06d}.png" for row in rows]
        assert masks.namelist() == [*pictures, "tracks.json"]
    with av.open(artifact(client, record, "overlay.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(10, 3)
        assert [frame.time for frame in container.decode(video=0)] == pytest.approx(
            [row["time_s"] for row in rows], abs=1e-3
        )


def test_a_track_that_is_never_sure_enough_is_not_drawn_and_not_visible(client, tmp_path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(3))
    names, pictures, visible = ["ytvis.json", "overlay.mp4"], [], []
    for show_min in (0.0, None, 1.0):
        record = finished(client, clip, artifacts=names, show_min=show_min)
        (track,) = json.load(artifact(client, record, "ytvis.json"))
        visible.append(track["visible"])
        pictures.append(artifact(client, record, "overlay.mp4").read())
    assert visible == [True, True, False]  # the tiny model shows what it mentions
    assert pictures[0] == pictures[1] != pictures[2]


def test_masks_of_a_video_that_grows_are_of_one_size(client, tmp_path):
    clip = KINDS["growing.webm"](tmp_path / "growing.webm")
    names = ["ytvis.json", "masks.zip", "overlay.mp4"]
    record = finished(client, clip, artifacts=names)
    assert record["warning"] == (
        "6 frames had another size than the largest and were scaled into it."
    )
    (track,) = json.load(artifact(client, record, "ytvis.json"))
    assert [rle["size"] for rle in track["segmentations"]] == 9 * [[96, 128]]
    with zipfile.ZipFile(artifact(client, record, "masks.zip")) as masks:
        sizes = {Image.open(io.BytesIO(masks.read(name))).size for name in masks.namelist()[:-1]}
    assert sizes == {(128, 96)}
    with av.open(artifact(client, record, "overlay.mp4")) as container:
        assert {(frame.width, frame.height) for frame in container.decode(video=0)} == {(128, 96)}


def test_a_panoptic_model_gives_panoptic_pictures(tmp_path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(6))
    with (
        running_server(tiny_panoptic_model()) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as client,
    ):
        record = finished(client, clip, artifacts=["panoptic.zip"], min_score=0.0)
        with zipfile.ZipFile(artifact(client, record, "panoptic.zip")) as file:
            (video,) = json.loads(file.read("pred.json"))["annotations"]
            num_segments = 0
            for frame in video["annotations"]:
                png = io.BytesIO(file.read(f"pan_pred/{frame['file_name']}"))
                with av.open(png) as picture:
                    pixels = next(picture.decode(video=0)).to_ndarray(format="rgb24")
                ids = pixels.astype(np.int64) @ [1, 256, 65536]
                listed = {info["id"]: info["area"] for info in frame["segments_info"]}
                there, counts = np.unique(ids[ids > 0], return_counts=True)
                assert dict(zip(there.tolist(), counts.tolist(), strict=True)) == listed
                num_segments += len(listed)
    assert num_segments >= 6


def test_panoptic_pictures_of_a_model_of_instances_are_refused(client):
    wish = {"options": '{"artifacts": ["panoptic.zip"]}'}
    answer = client.post("/v1/videos", files={"file": b"a video"}, data=wish)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_of_model")
