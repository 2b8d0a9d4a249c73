"""Videos that are refined, over HTTP, beside live sessions of the same model."""

import json
import time
from pathlib import Path

import httpx

from support.lossless import write_lossless
from support.raw_client import raw_client
from support.server import running_server
from support.tiny import tiny_frames, tiny_model, tiny_offline_model

FRAMES = tiny_frames(17, seed=1)
OFFLINE = {"options": json.dumps({"mode": "offline"})}
SOON_S = 150.0


async def test_a_server_of_an_offline_model_refines_videos_and_streams(tmp_path: Path):
    clip = write_lossless(tmp_path / "clip.mkv", FRAMES)
    with (
        running_server(tiny_offline_model()) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as client,
    ):
        with clip.open("rb") as file:
            video = client.post("/v1/videos", files={"file": file}, data=OFFLINE).json()["id"]
        async with raw_client(live.ws_url) as socket:
            await socket.hello()
            size = {"height": FRAMES[0].shape[0], "width": FRAMES[0].shape[1]}
            assert (await socket.answer(FRAMES[0].tobytes(), codec=3, **size)).sequence == 1
        until = time.monotonic() + SOON_S
        while (record := client.get(f"/v1/videos/{video}").json())["state"] != "done":
            assert time.monotonic() < until, record
            time.sleep(0.05)
        assert (record["frames_done"], record["options"]["mode"]) == (17, "offline")
        lines = client.get(f"/v1/videos/{video}/results?after=14").text.splitlines()
        assert [json.loads(line)["frame"] for line in lines] == [15, 16]


def test_a_model_without_a_refiner_refuses_the_offline_mode(tmp_path: Path):
    with running_server(tiny_model()) as live:
        answer = httpx.post(f"{live.url}/v1/videos", files={"file": b"a video"}, data=OFFLINE)
        assert live.service.videos.api.files.videos() == []
    assert (answer.status_code, answer.json()["code"]) == (400, "not_of_model")
    assert "has no refiner" in answer.json()["detail"]
