"""Handing a video in: by tus over a connection that breaks, or by a form."""

import json
import os
import tracemalloc

import numpy as np
import pytest

from maskstream_client import ConnectionFailedError, RetryRules, SourceError
from maskstream_client.errors import RefusedError
from maskstream_client.videos import AsyncVideos, Submission, Videos, tus
from maskstream_protocol.errors import UnauthorizedError
from support.cutting_proxy import Cut, cutting_proxy
from support.tus_server import tus_server

FAST = RetryRules(first_delay_s=0.01, max_delay_s=0.05, give_up_after_s=10.0)
NEVER = RetryRules(first_delay_s=0.01, max_delay_s=0.05, give_up_after_s=0.0)
KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture
def movie(tmp_path, monkeypatch):
    """A file of two and a half (small) chunks, no two parts of it alike."""
    monkeypatch.setattr(tus, "CHUNK_BYTES", 512 * KIB)
    path = tmp_path / "später.mp4"
    path.write_bytes(np.arange(320 * KIB, dtype=np.uint32).tobytes())
    return path


def submit(url, path, **how):
    return Videos(url, retry=how.pop("retry", FAST)).submit(path, **how)


def only_video(server):
    (video,) = server.videos.values()
    return video


def test_a_file_goes_up_in_chunks_and_becomes_a_video(movie):
    heard = []
    with tus_server() as server:
        video = submit(
            server.url,
            movie,
            mode="offline",
            artifacts=["ytvis.json"],
            progress=lambda done, total: heard.append((done, total)),
        )
    came = only_video(server)
    assert came["data"] == movie.read_bytes()
    assert came["name"] == video.name == "später.mp4"
    assert came["options"] == {"mode": "offline", "artifacts": ["ytvis.json"]}
    assert (video.id, video.state) == (next(iter(server.videos)), "queued")
    assert server.asked("PATCH") == 3
    done = [each for each, _ in heard]
    assert done == sorted(done)
    assert heard[-1] == (movie.stat().st_size,) * 2


async def test_the_same_with_asyncio(movie):
    with tus_server() as server:
        await AsyncVideos(server.url).submit(movie)
    assert only_video(server)["data"] == movie.read_bytes()


def test_an_address_is_handed_in_as_it_is_and_only_once():
    address, steps = "https://films.example/a.mp4?key=1", []
    with tus_server() as server:
        first = submit(server.url, address, remember=steps.append, mode="offline")
        again = submit(server.url, address, resume=steps[0])  # the answer was lost
    assert first.id == again.id == steps[-1].video
    came = only_video(server)
    assert (came["url"], came["options"]) == (address, {"mode": "offline"})
    assert server.asked("POST") == 2


def test_after_cuts_it_continues_where_the_server_is(movie):
    cuts = [Cut(up=320 * KIB), Cut(up=400 * KIB), Cut(up=200), Cut(up=200 * KIB)]
    with tus_server() as server, cutting_proxy(server.url, *cuts) as proxy:
        submit(proxy.url, movie)
    assert proxy.num_connections == 5
    assert only_video(server)["data"] == movie.read_bytes()
    assert server.num_received == movie.stat().st_size  # nothing came twice


def test_another_process_continues_where_one_was_stopped(movie):
    steps = []
    with tus_server() as server, cutting_proxy(server.url, Cut(up=700 * KIB)) as proxy:

        def cut_off(done, total):
            proxy.away = done > 640 * KIB

        with pytest.raises(ConnectionFailedError, match="Given up after 0 s"):
            submit(proxy.url, movie, retry=NEVER, remember=steps.append, progress=cut_off)
        proxy.away = False
        video = submit(proxy.url, movie, resume=steps[-1], remember=steps.append)
    assert only_video(server)["data"] == movie.read_bytes()
    assert server.num_received == movie.stat().st_size
    assert len(server.uploads) == 1
    assert {step.key for step in steps} == {only_video(server)["key"]}
    assert steps[-1].video == video.id


def test_a_lost_answer_makes_no_second_video(movie):
    with tus_server(lose_answers=2) as server:
        video = submit(server.url, movie)
    assert [video.id] == list(server.videos)
    assert server.asked("POST") == 1 + 3


@pytest.mark.parametrize("status", [404, 410])
def test_an_upload_that_the_server_has_lost_begins_anew(movie, status):
    with tus_server() as server:
        server.answers["PATCH"] = [(status, {})]
        submit(server.url, movie)
    assert only_video(server)["data"] == movie.read_bytes()
    assert len(server.uploads) == 2


def test_an_upload_that_is_gone_when_another_process_continues_begins_anew(movie):
    with tus_server() as server:
        submit(server.url, movie, resume=Submission("key", f"{server.url}/v1/uploads/old"))
    assert only_video(server)["data"] == movie.read_bytes()
    assert only_video(server)["key"] == "key"


@pytest.mark.parametrize("status", [409, 423, 429, 502, 503, 504])
def test_a_server_that_cannot_just_now_is_asked_again(movie, status):
    with tus_server() as server:
        server.answers["PATCH"] = [(status, {})]
        server.answers["HEAD"] = [(503, {"headers": {"Retry-After": "0"}})]
        submit(server.url, movie)
    assert only_video(server)["data"] == movie.read_bytes()
    assert server.asked("HEAD") >= 2


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_resumable_uploads_gets_a_form(movie, status):
    heard = []
    with tus_server() as server:
        server.answers["POST"] = [(status, {})]
        submit(server.url, movie, progress=lambda done, total: heard.append(done))
    came = only_video(server)
    assert (came["data"], came["name"]) == (movie.read_bytes(), "später.mp4")
    assert json.loads(came["options"]) == {"mode": "online"}
    assert heard[-1] == movie.stat().st_size


def test_a_form_is_sent_again_after_a_cut(movie):
    with (
        tus_server(resumable=False) as server,
        cutting_proxy(server.url, Cut(up=320 * KIB)) as proxy,
    ):
        submit(proxy.url, movie)
    assert only_video(server)["data"] == movie.read_bytes()


def test_names_cannot_break_out_of_a_form(tmp_path):
    path = tmp_path / 'a"; name="options\r\nX: y.mp4'
    path.write_bytes(b"film")
    with tus_server(resumable=False) as server:
        submit(server.url, path)
    assert only_video(server)["data"] == b"film"
    assert only_video(server)["name"] == "a%22; name=%22options%0D%0AX: y.mp4"


def test_a_refusal_is_reported_with_the_servers_sentence(movie):
    with tus_server() as server:
        server.answers["POST"] = [(413, {"code": "upload_too_large", "detail": "Too large."})]
        with pytest.raises(RefusedError, match=r"^Too large\.$") as caught:
            submit(server.url, movie)
        assert (caught.value.status, caught.value.code) == (413, "upload_too_large")
        server.answers["POST"] = [(503, {"code": "videos_off", "detail": "No videos here."})]
        with pytest.raises(RefusedError, match="No videos here"):
            submit(server.url, movie)
        server.answers["POST"] = [(401, {})]
        with pytest.raises(UnauthorizedError, match="HTTP status 401"):
            submit(server.url, movie)
        server.answers["PATCH"] = [(507, {"code": "no_space", "detail": "The disk is full."})]
        with pytest.raises(RefusedError, match="The disk is full"):
            submit(server.url, movie)
    assert server.videos == {}


def test_no_server_is_reported_at_once(movie):
    with pytest.raises(ConnectionFailedError, match="No server can be reached"):
        submit("http://127.0.0.1:9", movie)


def test_a_server_that_goes_away_is_not_waited_for_without_end(movie):
    rules = RetryRules(first_delay_s=0.01, max_delay_s=0.02, give_up_after_s=0.2)
    with tus_server() as server:
        server.answers["PATCH"] = [(503, {})] * 1000
        server.answers["HEAD"] = [(503, {})] * 1000
        with pytest.raises(ConnectionFailedError, match="Given up after"):
            submit(server.url, movie, retry=rules)


def test_the_key_goes_to_the_server_and_to_no_other(movie):
    with tus_server() as server, tus_server() as other:
        Videos(server.url, api_key="secret").submit(movie)
        assert {key for _, _, key in server.requests} == {"Bearer secret"}
        away = Submission(upload=f"{other.url}/v1/uploads/x")
        Videos(server.url, api_key="secret").submit(movie, resume=away)
    assert other.requests == [("HEAD", "/v1/uploads/x", None)]


def test_what_is_not_handed_in_can_be_discarded(movie):
    steps = []
    with tus_server() as server:
        server.answers["PATCH"] = [(507, {})]
        with pytest.raises(RefusedError):
            submit(server.url, movie, remember=steps.append)
        assert len(server.uploads) == 1
        Videos(server.url).discard(steps[-1])
        assert server.uploads == {}
        Videos(server.url).discard(steps[-1])
        Videos(server.url).discard(Submission())


def test_a_file_that_cannot_be_uploaded_is_one_sentence(tmp_path):
    empty, short = tmp_path / "empty.mp4", tmp_path / "short.mp4"
    empty.touch()
    short.write_bytes(bytes(2 * MIB))
    with tus_server() as server:
        for path, why in ((tmp_path / "no.mp4", "No such file"), (tmp_path, "Is a directory")):
            with pytest.raises(SourceError, match=why):
                submit(server.url, path)
        with pytest.raises(SourceError, match="is empty"):
            submit(server.url, empty)
        with pytest.raises(SourceError, match="became shorter"):
            submit(server.url, short, remember=lambda step: step.upload and short.write_bytes(b"x"))
    assert server.videos == {}


@pytest.mark.parametrize("source", ["-", "camera.fifo"])
def test_a_pipe_is_not_uploaded_but_may_be_streamed(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("camera.fifo")
    with tus_server() as server, pytest.raises(SourceError, match="needs a file") as refused:
        submit(server.url, source)
    assert f"`maskstream stream {source}`" in str(refused.value)


@pytest.mark.parametrize("resumable", [True, False])
def test_a_file_is_never_held_in_memory(tmp_path, resumable):
    path = tmp_path / "long.mp4"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    peaks = []

    def measure(done, total):
        peaks.append(tracemalloc.get_traced_memory()[1])

    with tus_server(resumable=resumable, keeps=False) as server:
        tracemalloc.start()
        try:
            submit(server.url, path, progress=measure)
        finally:
            tracemalloc.stop()
    assert max(peaks) < 8 * MIB
