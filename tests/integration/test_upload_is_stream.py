"""A video that is handed in whole gives what streaming its frames gives."""

import json
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from pycocotools import mask as coco

from maskstream_protocol.rle import decode_rle
from support.lossless import write_lossless
from support.raw_client import Result, raw_client
from support.server import LiveServer, running_server
from support.tiny import SIZE, tiny_frames, tiny_model

FRAMES = tiny_frames(30, seed=3)
SOON_S = 150.0
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # pycocotools
)


async def streamed(live: LiveServer) -> list[Result]:
    async with raw_client(live.ws_url) as client:
        await client.hello(masks="rle")
        for frame in FRAMES:
            await client.send(frame.tobytes(), codec=3, width=frame.shape[1], height=frame.shape[0])
        await client.flush()
        return client.results


def uploaded(live: LiveServer, clip: Path) -> list[dict]:
    with httpx.Client(base_url=live.url, timeout=SOON_S) as client, clip.open("rb") as file:
        video = client.post("/v1/videos", files={"file": file}).json()["id"]
        until = time.monotonic() + SOON_S
        while (record := client.get(f"/v1/videos/{video}").json())["state"] != "done":
            assert record["reason"] is None
            assert time.monotonic() < until
            time.sleep(0.05)
        lines = client.get(f"/v1/videos/{video}/results").text.splitlines()
    return [json.loads(line) for line in lines]


async def test_an_upload_gives_the_ids_and_masks_of_a_stream(tmp_path: Path):
    clip = write_lossless(tmp_path / "clip.mkv", FRAMES)
    with running_server(tiny_model(), deterministic=True, credit_frames=32) as live:
        results = await streamed(live)
        lines = uploaded(live, clip)
    assert len(results) == len(lines) == len(FRAMES)
    assert len({track.id for result in results for track in result.tracks}) > 1
    for result, line in zip(results, lines, strict=True):
        assert line["size"] == list(result.mask_size)
        for track, item in zip(result.tracks, line["objects"], strict=True):
            assert (item["track_id"], item["class_id"]) == (track.id, track.label)
            assert (item["age"], item["area"]) == (track.age, track.area)
            assert tuple(item["box"]) == track.box
            if not track.mask:
                assert item["segmentation"] is None
                continue
            x0, y0, x1, y1 = track.box
            picture = np.zeros(SIZE, bool)
            picture[y0:y1, x0:x1] = decode_rle(track.mask, y1 - y0, x1 - x0)
            assert np.array_equal(coco.decode(item["segmentation"]), picture)
