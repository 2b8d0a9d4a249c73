"""The Python client's whole videos against the real server, over connections that break."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from client.clips import numbered_frames, write_clip
from maskstream_client import AsyncClient, Client, RetryRules
from maskstream_client.errors import (
    ConnectionFailedError,
    OutputError,
    RefusedError,
    VideoCancelledError,
    VideoFailedError,
)
from maskstream_client.videos import AsyncVideos, Videos
from maskstream_protocol.errors import UnauthorizedError
from support.cutting_proxy import Cut, cutting_proxy
from support.fake_video import FakeDecoder, FakeMediaError
from support.held_videos import FRAMES, SOON_S, held_server, until
from support.server import LiveServer, running_server

ALL = ["ytvis.json", "masks.zip"]
FAST = RetryRules(first_delay_s=0.01, max_delay_s=0.05, give_up_after_s=10.0)


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    """A server that decodes what comes."""
    with running_server() as made:
        yield made


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "clip.mp4", numbered_frames(12))


def test_two_lines_are_enough(live, clip, tmp_path):
    videos = Videos(live.url)
    paths = videos.download(videos.wait(videos.submit(clip)), tmp_path / "out")
    assert [path.name for path in paths] == ["ytvis.json"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ytvis.json"]


def test_files_and_results_are_those_that_the_server_has(live, clip, tmp_path):
    heard, changes = [], []
    videos = Videos(live.ws_url)
    video = videos.submit(clip, artifacts=ALL, mask_scale=0.5)
    video = videos.wait(video, progress=changes.append)
    assert (video.state, video.frames_done, video.percent) == ("done", 12, 100.0)
    assert video.options["mask_scale"] == 0.5
    assert video.num_bytes == clip.stat().st_size
    assert changes[-1] == video == videos.get(video.id)
    lines = list(videos.results(video))
    assert [line.frame for line in lines] == list(range(12))
    (item,) = lines[3].objects
    assert (item.track_id, item.label, item.status.name) == (1, "thing", "TRACKED")
    assert item.mask().shape == lines[3].size == (24, 32)
    assert item.mask().sum() == item.area > 0
    assert [line.frame for line in videos.results(video, after=9)] == [10, 11]
    paths = videos.download(video, tmp_path, progress=lambda *output: heard.append(output))
    for path, name in zip(paths, ALL, strict=True):
        there = httpx.get(f"{live.url}/v1/videos/{video.id}/artifacts/{name}").content
        assert (path.name, path.read_bytes()) == (name, there)
        assert (name, len(there), len(there)) in heard


async def test_the_same_with_asyncio(live, clip, tmp_path):
    videos = AsyncVideos(live.url)
    video = await videos.submit(clip)
    assert [line.frame async for line in videos.results(video)] == list(range(12))
    changes = [each async for each in videos.events(video)]
    assert changes[-1] == await videos.wait(video.id) == await videos.get(video)
    (path,) = await videos.download(video, tmp_path / "out")
    assert path.is_file()
    assert [each.id async for each in videos.list(1)] == [video.id]
    assert await videos.cancel(video) == changes[-1]  # it has ended: it stays
    await videos.delete(video)
    with pytest.raises(RefusedError, match="There is no video"):
        await videos.get(video)


async def test_clients_of_streams_have_the_videos_of_their_server(live, clip):
    with Client(live.ws_url) as client:
        video = client.videos.submit(clip)
        assert client.videos.wait(video).state == "done"
    async with AsyncClient(live.ws_url) as client:
        assert (await client.videos.get(video)).state == "done"


def test_the_list_is_read_page_by_page(live, clip, monkeypatch):
    videos = Videos(live.url)
    made = [videos.submit(clip).id for _ in range(5)]
    monkeypatch.setattr("maskstream_client.videos.async_videos._PAGE", 2)
    assert [video.id for video in videos.list(5)] == made[::-1]
    assert [video.id for video in videos.list(3)] == made[:1:-1]
    assert [video.id for video in videos.list()][:5] == made[::-1]


def test_a_video_that_fails_is_reported_with_the_servers_reason(live, tmp_path):
    path = tmp_path / "letter.mp4"
    path.write_text("Dear reader.")
    videos = Videos(live.url)
    video = videos.submit(path)
    with pytest.raises(VideoFailedError, match=r"^letter\.mp4 failed: The file is no video"):
        videos.wait(video)
    with pytest.raises(VideoFailedError) as caught:
        videos.download(video, tmp_path / "out")
    assert caught.value.video.state == "failed"
    with pytest.raises(VideoFailedError):
        list(videos.results(video))
    assert list(videos.results(video, follow=False)) == []
    assert not (tmp_path / "out").exists()


def test_results_come_while_the_video_runs_and_after_a_failure_too(clip):
    def choke(index: int) -> None:
        if index == 13:
            made.go_on.wait(SOON_S)
            raise FakeMediaError("The file breaks off here.")

    with held_server() as made:
        made.decoder.on_frame = choke
        videos = Videos(made.live.url)
        lines = videos.results(videos.submit(clip))
        assert [next(lines).frame for _ in range(10)] == list(range(10))
        made.go_on.set()
        with pytest.raises(VideoFailedError, match="breaks off here"):
            list(lines)


def test_cancelling_ends_the_waiting(clip):
    with held_server() as made:
        videos = Videos(made.live.url)
        video = videos.submit(clip)
        until(lambda: videos.get(video).frames_done == 10)
        with pytest.raises(RefusedError, match="it has no files yet"):
            videos.download(video, clip.parent / "out")
        timer = threading.Timer(0.3, videos.cancel, [video])
        timer.start()
        with pytest.raises(VideoCancelledError, match=r"clip\.mp4 was cancelled"):
            videos.wait(video)
        timer.join()
        videos.delete(video)
        running = videos.submit(clip)
        videos.delete(running)
        assert list(videos.list()) == []


def test_events_continue_over_lost_connections(clip):
    with held_server() as made, cutting_proxy(made.live.url) as proxy:
        videos = Videos(proxy.url, retry=FAST)
        video = videos.submit(clip)
        until(lambda: videos.get(video).frames_done == 10)
        proxy.cuts += [Cut(down=900), Cut(down=300), Cut(up=20)]
        before, changes = proxy.num_connections, []
        threading.Timer(0.6, made.go_on.set).start()
        for output in videos.events(video):
            changes.append(output)
    assert proxy.num_connections > before + 2
    assert changes[-1].state == "done"
    assert all(one.frames_done <= two.frames_done for one, two in pairwise(changes))
    assert len(changes) == len({each.updated for each in changes})


def test_a_download_continues_where_it_broke_off(live, clip, tmp_path):
    with cutting_proxy(live.url) as proxy:
        videos = Videos(proxy.url, retry=FAST)
        video = videos.wait(videos.submit(clip, artifacts=ALL))
        whole = httpx.get(f"{live.url}/v1/videos/{video.id}/artifacts/masks.zip").content
        before, done = proxy.num_connections, []
        # The first connection also asks for the video.
        proxy.cuts += [Cut(down=2500), Cut(down=900), Cut(down=100)]
        (path,) = videos.download(
            video, tmp_path / "out", ["masks.zip"], progress=lambda *output: done.append(output[1])
        )
    assert path.read_bytes() == whole
    assert proxy.num_connections == before + 4
    assert done == sorted(done)  # never from the beginning again
    assert [each.name for each in path.parent.iterdir()] == ["masks.zip"]


def test_another_process_continues_with_a_download(live, clip, tmp_path):
    never = RetryRules(0.01, 0.01, 0.0)
    with cutting_proxy(live.url) as proxy:
        videos = Videos(proxy.url, retry=never)
        video = videos.wait(videos.submit(clip, artifacts=ALL))
        proxy.cuts += [Cut(down=2500), Cut(down=20)]
        with pytest.raises(ConnectionFailedError, match="Given up"):
            videos.download(video, tmp_path / "out", ["masks.zip"])
        (part,) = (tmp_path / "out").iterdir()
        assert part.name.endswith(".part")
        done = []
        (path,) = videos.download(
            video, tmp_path / "out", ["masks.zip"], progress=lambda *output: done.append(output[1])
        )
    whole = httpx.get(f"{live.url}/v1/videos/{video.id}/artifacts/masks.zip").content
    assert path.read_bytes() == whole
    assert done[0] > 200
    # A part that is whole, or longer than the file can be, is repaired too.
    for rest in (whole, whole + b"more"):
        part.write_bytes(rest)
        Videos(live.url).download(video, tmp_path / "out", ["masks.zip"])
        assert path.read_bytes() == whole


def test_a_file_that_is_not_there_leaves_nothing(live, clip, tmp_path):
    videos = Videos(live.url)
    video = videos.wait(videos.submit(clip))
    with pytest.raises(RefusedError, match=r"has no file 'masks\.zip'"):
        videos.download(video, tmp_path / "out", ["masks.zip"])
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be"):
        videos.download(video, tmp_path / "file")
    for name in ("../ytvis.json", "..", "a\\b", ""):
        with pytest.raises(ConnectionFailedError, match="which cannot be"):
            videos.download(video, tmp_path / "out", [name])


def test_refusals_are_reported_with_the_servers_sentence(live, clip):
    videos = Videos(live.url)
    with pytest.raises(RefusedError, match=r"The option artifacts must be") as caught:
        videos.submit(clip, artifacts=["nothing.txt"])
    assert (caught.value.status, caught.value.code) == (422, "bad_options")
    for strange in ("nobody", "../models", "..", "a?b#c"):
        with pytest.raises(RefusedError):
            videos.wait(strange)
    with running_server(api_keys=("a-key-for-testing",)) as closed:
        with pytest.raises(UnauthorizedError):
            Videos(closed.url).submit(clip)
        video = Videos(closed.url, api_key="a-key-for-testing").submit(clip)
        assert Videos(closed.url, api_key="a-key-for-testing").wait(video).state == "done"


def test_a_server_that_is_none_is_reported(tmp_path, clip):
    with pytest.raises(ConnectionFailedError, match="No server can be reached"):
        Videos("http://127.0.0.1:9").wait("x")
    with pytest.raises(ValueError, match="no URL of a server"):
        Videos("ftp://here")


def test_waiting_continues_when_the_server_is_started_again(own_redis, clip, tmp_path):
    kept = {"store": own_redis.url, "data_folder": tmp_path / "data", "checkpoint_frames": 5}
    decoder = FakeDecoder(FRAMES, announced=len(FRAMES))
    decoder.on_frame = lambda index: index < 13 or time.sleep(0.5)
    changes, paths = [], []
    with cutting_proxy("http://127.0.0.1:9") as proxy:

        def work() -> None:
            videos = Videos(proxy.url, retry=FAST)
            video = videos.wait(videos.submit(clip), progress=changes.append)
            paths.extend(videos.download(video, tmp_path / "out"))

        with running_server(open_video=decoder, **kept) as first:
            proxy.lead_to(first.url)
            thread = threading.Thread(target=work)
            thread.start()
            until(lambda: changes and changes[-1].frames_done == 10)
            first.stop()
        assert changes[-1].frames_done < len(FRAMES)
        decoder.on_frame = lambda index: None
        with running_server(open_video=decoder, **kept) as second:
            proxy.lead_to(second.url)
            thread.join(SOON_S)
    assert [path.name for path in paths] == ["ytvis.json"]
    assert changes[-1].state == "done"
    assert len({change.id for change in changes}) == 1
