"""Broken and malicious files over HTTP: each has its end, and the server continues."""

import json
import time
from base64 import b64encode
from pathlib import Path

import httpx
import psutil
import pytest

from maskstream_server.media.decoder import DecodedVideo, open_video
from support.hostile import ENDS, LIMITS, Reads
from support.server import running_server

WISH = {
    "options": json.dumps(
        {"artifacts": ["ytvis.json", "overlay.mp4", "masks.zip", "tracks.parquet"]}
    )
}
ALL_WITHIN_S = 400.0


def decode(path: Path, *, skip: int, stride: int) -> DecodedVideo:
    return open_video(path, LIMITS, skip=skip, stride=stride)


def handed_in(client: httpx.Client, path: Path, name: str | None = None) -> httpx.Response:
    file = (path.name if name is None else name, path.read_bytes())
    return client.post("/v1/videos", files={"file": file}, data=WISH)


def decoders() -> list[psutil.Process]:
    """Processes that decode videos."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "maskstream_server.media.child" in child.cmdline()]


def ended(client: httpx.Client, video: str, until: float) -> dict:
    while (record := client.get(f"/v1/videos/{video}").json())["state"] in ("queued", "running"):
        assert time.monotonic() < until, record
        time.sleep(0.1)
    return record


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_every_hostile_file_has_a_clean_end_and_nothing_is_left(test_data, tmp_path, every):
    """Some of them here on every run; the decoder refuses all of them in `media/test_hostile`."""
    settings = {"data_folder": tmp_path / "data", "video_jobs": 2}
    with (
        running_server(open_video=decode, **settings) as live,
        httpx.Client(base_url=live.url, timeout=60.0) as client,
    ):
        files = live.service.videos.api.files
        at_first = files.used_bytes()  # what the folder says of itself
        until = time.monotonic() + ALL_WITHIN_S
        videos: dict[str, str] = {}
        for name in sorted({*sorted(ENDS)[::every], "empty.mp4"}):
            answer = handed_in(client, test_data / "hostile" / name)
            if name == "empty.mp4":
                assert (answer.status_code, answer.json()["detail"]) == (400, "The file is empty.")
            else:
                videos[name] = answer.json()["id"]
        for name, video in videos.items():
            record, end = ended(client, video, until), ENDS[name]
            if isinstance(end, Reads):
                assert (record["state"], record["frames_done"]) == ("done", end.num_frames), name
                assert end.warning is None or end.warning in record["warning"]
            else:
                assert record["state"] == "failed", name
                assert end.sentence in record["reason"]
                assert str(tmp_path) not in json.dumps(record)
                assert not record["artifacts"]
        assert client.get("/healthz").status_code == 200
        for video in videos.values():
            assert client.delete(f"/v1/videos/{video}").status_code == 204
        assert (files.videos(), files.uploads(), files.used_bytes()) == ([], [], at_first)
        assert decoders() == []
        again = handed_in(client, test_data / "hostile" / "all_noise.mp4").json()["id"]
        assert ended(client, again, until)["state"] == "done"


@pytest.fixture
def names(test_data) -> list[str]:
    return json.loads((test_data / "hostile" / "names_and_urls.json").read_text())


def test_names_of_files_are_only_names(test_data, names, tmp_path):
    settings = {"data_folder": tmp_path / "data", "video_jobs": 0}
    with (
        running_server(**settings) as live,
        httpx.Client(base_url=live.url, timeout=60.0) as client,
    ):
        for name in names:
            answer = handed_in(client, test_data / "hostile" / "zip_as.mp4", name)
            assert answer.status_code in (202, 400)
            if answer.status_code == 202:
                folder = tmp_path / "data" / "videos" / answer.json()["id"]
                assert [path.name for path in folder.iterdir()] == ["source"]
                assert len(answer.json()["name"]) <= 255
        assert {path.name for path in tmp_path.iterdir()} == {"data"}
        assert {path.name for path in (tmp_path / "data").iterdir()} == {"videos"}


def test_names_of_files_are_no_addresses_and_no_options(names):
    with (
        running_server(video_jobs=0, video_url_hosts=("*",)) as live,
        httpx.Client(base_url=live.url, timeout=60.0) as client,
    ):
        for name in names:
            answer = client.post("/v1/videos", json={"url": name})
            assert (answer.status_code, answer.json()["code"]) == (403, "address_refused"), name
            answer = client.post("/v1/videos", json={"upload": name})
            assert (answer.status_code, answer.json()["code"]) == (404, "upload_unknown"), name
            metadata = f"filename {b64encode(name.encode()).decode()}"
            tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": metadata}
            answer = client.post("/v1/uploads", headers=tus)
            assert answer.status_code == 201, name
            folder = live.service.videos.api.files.incoming(answer.headers["location"][-32:])
            assert {path.name for path in folder.iterdir()} == {"info.json", "data", "claim"}
        assert client.get("/v1/videos").json()["videos"] == []
