"""What a fetch leaves on the disk: the whole file, or nothing."""

import asyncio

import pytest

from maskstream_server.errors import FencedOutError, JobFailedError, NoSpaceError
from maskstream_server.jobs.intake.fetching import Fetcher
from maskstream_server.jobs.records.record import claim, fetched
from maskstream_server.jobs.storage.files import DATA, QUOTA_FULL, VideoFiles
from maskstream_server.outbound.client import OutboundClient
from maskstream_server.outbound.rules import HostRules
from support.http_receiver import Answer, http_receiver
from support.uploads import video_record


@pytest.fixture
def fetching(tmp_path):
    """A receiver that sends 5,000 bytes, and a fetcher in a folder with room for 6,000."""
    with http_receiver(lambda asked: Answer(body=b"x" * 5000)) as receiver:
        files = VideoFiles(tmp_path, 6000, 0)
        hosts = (receiver.authority,)
        yield receiver, Fetcher(OutboundClient(HostRules(hosts, hosts, "X")), files, 10_000)


async def test_what_a_dead_worker_has_left_goes_and_the_file_appears_whole(fetching):
    receiver, fetcher = fetching
    source = fetcher.files.create("a")
    left = fetcher.files.incoming("fetchax1")
    left.mkdir()
    (left / DATA).write_bytes(b"half of it")
    assert await fetcher.fetch(receiver.url, source, 2) == 5000
    assert fetcher.files.uploads() == []
    assert [path.name for path in source.parent.iterdir()] == ["source"]
    assert source.read_bytes() == b"x" * 5000


@pytest.mark.parametrize("length", ["5000", None])
async def test_the_quota_holds_for_fetches(fetching, length):
    receiver, fetcher = fetching
    receiver.reply = lambda asked: Answer(body=b"x" * 5000, headers={"Content-Length": length})
    fetcher.files.create("full").write_bytes(b"x" * 2000)
    source = fetcher.files.create("a")
    with pytest.raises(NoSpaceError, match="quota"):
        await fetcher.fetch(receiver.url, source, 1)
    assert list(source.parent.iterdir()) == []
    assert fetcher.files.uploads() == []


async def test_two_fetches_at_once_share_the_room(fetching):
    receiver, fetcher = fetching
    sources = [fetcher.files.create(video) for video in "ab"]
    ends = await asyncio.gather(
        *(fetcher.fetch(receiver.url, source, 1) for source in sources), return_exceptions=True
    )
    assert sorted(map(str, ends)) == ["5000", QUOTA_FULL]
    assert [source.exists() for source in sources] == [end == 5000 for end in ends]


async def test_a_fetch_that_takes_too_long_is_given_up(fetching, monkeypatch):
    receiver, fetcher = fetching
    held = asyncio.Event()
    loop = asyncio.get_running_loop()
    receiver.reply = lambda asked: (
        asyncio.run_coroutine_threadsafe(held.wait(), loop).result(20) and Answer()
    )
    monkeypatch.setattr("maskstream_server.jobs.intake.fetching.WHOLE_S", 0.2)
    with pytest.raises(JobFailedError, match="has not come within"):
        await fetcher.fetch(receiver.url, fetcher.files.create("a"), 1)
    held.set()


def test_only_the_worker_whose_video_it_is_notes_that_it_is_there():
    record = claim(video_record(num_bytes=0, url="https://example.com/"), 2.0)
    assert fetched(record, 1, 5000, 3.0).num_bytes == 5000
    with pytest.raises(FencedOutError):
        fetched(record, 0, 5000, 3.0)
