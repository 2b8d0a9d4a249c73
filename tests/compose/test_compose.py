"""What `make test-compose` runs: the whole deployment in real containers, and kills in the middle.

Where there is no container engine, everything here is skipped.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from maskstream_client import connect
from maskstream_client.events import ConnectionLost, Event, IdentitiesReset
from maskstream_client.result import Result
from support.compose_stack import (
    BUILD_S,
    CHECKOUT,
    NUM_SERVERS,
    UP_S,
    Stack,
    engine_answers,
)
from support.limits import no_longer_than
from support.lossless import write_lossless
from support.sample_clip import sample_clip

NUM_FRAMES = 48
LONG_S = 300.0
OPTIONS = {"options": json.dumps({"artifacts": ["ytvis.json", "masks.zip"]})}
Seen = list[tuple[int, int, int, int, float, bytes]]

pytestmark = pytest.mark.skipif(
    not engine_answers(), reason="no container engine answers to `docker info`"
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("deployment"))
    try:
        with no_longer_than(BUILD_S + UP_S):
            stack.prepare()
            stack.up()
        yield stack
    finally:
        # Shown where a test fails.
        print(stack.compose("logs", "--tail", "40"))
        stack.down()


@pytest.fixture(autouse=True)
def trusted(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(stack.certificate))


@pytest.fixture(scope="module")
def frames() -> list:
    return list(sample_clip(height=128, width=224, num_frames=NUM_FRAMES, seed=1).frames)


@pytest.fixture(scope="module")
def clip(frames: list, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lossless(tmp_path_factory.mktemp("clips") / "clip.mkv", frames)


@pytest.fixture(scope="module")
def undisturbed_stream(stack: Stack, frames: list) -> list[Seen]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(stack.certificate))
        expected, _ = streamed(stack, frames)
    assert len({track_id for seen in expected for track_id, *_ in seen}) > 1
    return expected


@pytest.fixture(scope="module")
def undisturbed_video(stack: Stack, clip: Path) -> list[bytes]:
    with stack.client() as client:
        return results(client, submit(client, clip))


def streamed(
    stack: Stack, frames: list, after: Callable[[int], None] = lambda number: None
) -> tuple[list[Seen], list[Event]]:
    """Stream all frames; `after` is called with the number of results so far."""
    events: list[Event] = []
    seen: list[Seen] = []
    with (
        connect(
            stack.ws_url, api_key=stack.api_key, min_score=0.0, on_event=events.append
        ) as client,
        closing(client.stream(frames, every_frame=True)) as stream,
    ):
        for _, result in stream:
            assert result.drop_reason is None
            seen.append(of_result(result))
            after(len(seen))
    return seen, events


def of_result(result: Result) -> Seen:
    """What identity means: ids, states and masks."""
    return [
        (each.track_id, each.class_id, each.status, each.age, each.score, each.mask().tobytes())
        for each in result.objects
    ]


def submit(client: httpx.Client, clip: Path) -> str:
    with clip.open("rb") as file:
        answer = client.post("/v1/videos", files={"file": file}, data=OPTIONS)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def progress(client: httpx.Client, video: str) -> dict:
    """What is known of a video; None of it, while a server or the store starts anew."""
    answer = client.get(f"/v1/videos/{video}")
    return answer.json() if answer.status_code == 200 else {"state": "", "frames_done": 0}


def results(client: httpx.Client, video: str) -> list[bytes]:
    """Wait for a video's end; return its lines of results and its files."""
    until = time.monotonic() + LONG_S
    while (record := progress(client, video))["state"] not in ("done", "failed"):
        assert time.monotonic() < until, record
        time.sleep(0.5)
    assert record["state"] == "done", record
    names = ("results", "artifacts/ytvis.json", "artifacts/masks.zip")
    answers = [client.get(f"/v1/videos/{video}/{name}") for name in names]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    return [answer.content for answer in answers]


def test_every_container_is_confined(stack: Stack):
    assert len(stack.states()) == len(stack.services) + NUM_SERVERS - 1
    for service in ("server", "worker"):
        assert stack.inside(service, "id", "-u").strip() == "10001"
        record = stack.inside(service, "sh", "-c", "touch /file 2>&1; command -v cc gcc c++; true")
        assert "Read-only file system" in record
        assert len(record.splitlines()) == 1, "there is a compiler in the image"
        # Strangers' videos are decoded where nothing outside can be reached.
        routes = stack.inside(service, "cat", "/proc/net/route").splitlines()[1:]
        assert all(route.split()[1] != "00000000" for route in routes), "a way out"


def test_passwords_are_reported_nowhere(stack: Stack):
    for name in ("store_password", "api_keys"):
        password = (stack.folder / "secrets" / name).read_text()
        assert password not in stack.compose("config")
        assert password not in stack.compose("logs")
        for service in ("server", "worker", "redis"):
            assert password not in stack.inside(service, "env")


def test_the_public_port_lets_in_who_may(stack: Stack):
    with stack.client() as client:
        assert client.get("/readyz").json() == {
            "ready": True,
            "engine": True,
            "decoders": True,
            "store": True,
            "files": True,
            "videos": True,
        }
        assert client.get("/metrics").status_code == 404
        assert client.get("/v1/videos", headers={"Authorization": ""}).status_code == 401
        too_large = client.post("/v1/videos", files={"file": b"\0" * (9 << 20)})
        assert (too_large.status_code, too_large.json()["code"]) == (413, "upload_too_large")


def test_a_stream_and_a_video_outlive_the_kill_of_their_server_and_worker(
    stack: Stack, frames: list, clip: Path, undisturbed_stream: list, undisturbed_video: list
):
    killed: list[str] = []
    with stack.client() as client:
        video = submit(client, clip)

        def kill(number: int) -> None:
            if number == NUM_FRAMES // 3:
                (holder,) = stack.holders()
                stack.kill("server", holder)
                killed.append("server")
            if "worker" not in killed and 4 <= progress(client, video)["frames_done"] < NUM_FRAMES:
                stack.kill("worker")
                killed.append("worker")

        seen, events = streamed(stack, frames, kill)
        assert seen == undisturbed_stream
        assert any(isinstance(event, ConnectionLost) for event in events)
        assert not any(isinstance(event, IdentitiesReset) for event in events)
        assert results(client, video) == undisturbed_video
        assert sorted(killed) == ["server", "worker"]
        assert progress(client, video)["attempt"] == 2
    stack.wait_until_healthy()


def test_a_redis_that_is_killed_under_a_stream_loses_nothing(
    stack: Stack, frames: list, undisturbed_stream: list
):
    with stack.client() as client:
        videos = client.get("/v1/videos").json()["videos"]

    def kill(number: int) -> None:
        if number == NUM_FRAMES // 2:
            stack.kill("redis")

    seen, events = streamed(stack, frames, kill)
    assert seen == undisturbed_stream
    assert not any(isinstance(event, IdentitiesReset) for event in events)
    stack.wait_until_healthy()
    with stack.client() as client:
        assert client.get("/v1/videos").json()["videos"] == videos


def test_sessions_are_spread_over_the_servers(stack: Stack, frames: list):
    with (
        connect(stack.ws_url, api_key=stack.api_key) as one,
        connect(stack.ws_url, api_key=stack.api_key) as other,
    ):
        for client in (one, other):
            client.send(frames[0])
            assert client.receive() is not None
        assert stack.holders() == [1, 2]


def test_prometheus_has_seen_every_server_and_worker_and_what_they_did(stack: Stack):
    until = time.monotonic() + 60.0
    for job, number in (("maskstream", NUM_SERVERS), ("maskstream-workers", 1)):
        while len(stack.query(f'up{{job="{job}"}} == 1')) != number:
            assert time.monotonic() < until, job
            time.sleep(1.0)
    (done,) = stack.query('sum(max_over_time(maskstream_jobs_total{end="done"}[1h]))')
    assert float(done["value"][1]) >= 1
    for metric in ("maskstream_results_total", "maskstream_frame_seconds_count"):
        (sample,) = stack.query(f"sum(max_over_time({metric}[1h]))")
        assert float(sample["value"][1]) >= NUM_FRAMES, metric


def panels() -> list[tuple[str, str]]:
    """Title and query of each panel of the dashboards."""
    files = sorted((CHECKOUT / "docker" / "grafana" / "dashboards").glob("*.json"))
    return [
        (panel["title"], target["expr"])
        for file in files
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets", ())
    ]


@pytest.mark.parametrize(("title", "query"), panels())
def test_every_panel_of_the_dashboards_has_something_to_show(stack: Stack, title: str, query: str):
    assert stack.query(re.sub(r"\$__(rate_interval|interval|range)", "30m", query)), title


def test_servers_and_workers_stop_in_order(stack: Stack):
    stack.compose("stop", "server", "worker", within_s=LONG_S)
    codes = {state["Name"]: state["ExitCode"] for state in stack.states(every=True)}
    stopped = {name: code for name, code in codes.items() if "server" in name or "worker" in name}
    assert len(stopped) == NUM_SERVERS + 1
    assert set(stopped.values()) == {0}, stopped
