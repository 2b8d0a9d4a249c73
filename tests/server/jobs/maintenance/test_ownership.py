"""Whether records and files belong together, for every way in which they may meet."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from maskstream_server.errors import MismatchError
from maskstream_server.jobs.maintenance.ownership import FOREIGN, NO_FILES, NO_RECORDS, Ownership
from maskstream_server.jobs.records.memory_store import IN_PROCESS, MemoryVideoStore
from maskstream_server.jobs.records.record import VideoState
from maskstream_server.jobs.storage.files import VideoFiles
from support.uploads import video_record

NEW = (b"\0" * 16).hex()


class NamedStore(MemoryVideoStore):
    """A store with a name of its own, or none yet, as a Redis is."""

    def __init__(self, name: str | None) -> None:
        super().__init__(1000.0)
        self.name = name

    async def identity(self) -> str | None:
        return self.name

    async def take_identity(self, identity: str) -> str:
        self.name = self.name or identity
        return self.name


def ownership(store: MemoryVideoStore, files: VideoFiles) -> Ownership:
    return Ownership(store, files, bytes)


async def meeting(
    folder: Path, identity: str | None, owner: str | None, known: Sequence[str], there: str
) -> tuple[NamedStore, VideoFiles]:
    """A store with records of `known` videos, and a folder with files of those `there`."""
    store, files = NamedStore(identity), VideoFiles(folder, None, 0)
    for video in known:
        await store.create(video_record(video))
    for video in there:
        files.create(video).write_bytes(b"x")
    if owner is not None:
        files.set_owner(owner)
    return store, files


@pytest.mark.parametrize(
    ("identity", "owner", "known", "there", "name"),
    [
        pytest.param(None, None, "", "", NEW, id="first start"),
        pytest.param(None, None, "ab", "bc", NEW, id="first start of this version"),
        pytest.param("s", "s", "ab", "ab", "s", id="as every day"),
        pytest.param("s", "s", "", "ab", "s", id="all records have expired"),
        pytest.param("s", "s", "ab", "", "s", id="files are lost"),
        pytest.param("s", None, "", "", "s", id="a new folder, and nothing to lose"),
        pytest.param("s", None, "ab", "bc", "s", id="restored without hidden files"),
        pytest.param(None, "s", "", "", "s", id="a new store, and nothing to lose"),
        pytest.param(None, IN_PROCESS, "", "", NEW, id="tried without a Redis before"),
        pytest.param("s", IN_PROCESS, "", "", "s", id="tried without a Redis meanwhile"),
    ],
)
async def test_what_may_belong_together_does_from_then_on(
    tmp_path, identity, owner, known, there, name
):
    store, files = await meeting(tmp_path, identity, owner, known, there)
    one = ownership(store, files)
    await one.check()
    assert (store.name, files.owner(), one.mismatch) == (name, name, None)


@pytest.mark.parametrize(
    ("identity", "owner", "known", "there", "reason"),
    [
        pytest.param("s", "t", "ab", "ab", FOREIGN, id="another store"),
        pytest.param("s", "t", "", "", FOREIGN, id="another store, both empty"),
        pytest.param(None, "s", "", "ab", NO_RECORDS, id="an empty store"),
        pytest.param(None, "s", "b", "ab", NO_RECORDS, id="an empty store that took one in"),
        pytest.param("s", None, "", "ab", NO_RECORDS, id="a folder of nobody"),
        pytest.param(None, None, "", "ab", NO_RECORDS, id="an empty store at the first start"),
        pytest.param(None, None, "c", "ab", NO_RECORDS, id="a wrong store at the first start"),
        pytest.param("s", None, "ab", "", NO_FILES, id="an empty folder"),
        pytest.param(None, "s", "ab", "", NO_FILES, id="another's empty folder"),
        pytest.param(None, None, "ab", "", NO_FILES, id="an empty folder at the first start"),
        pytest.param("s", IN_PROCESS, "", "ab", FOREIGN, id="files of a server without a Redis"),
    ],
)
async def test_what_does_not_belong_together_stays_apart(
    tmp_path, identity, owner, known, there, reason
):
    store, files = await meeting(tmp_path, identity, owner, known, there)
    one = ownership(store, files)
    with pytest.raises(MismatchError, match="do not belong together"):
        await one.check()
    assert one.mismatch == reason == await one.find_mismatch()
    assert (store.name, files.owner()) == (identity, owner)


@pytest.mark.parametrize(
    ("identity", "owner", "name"), [("s", "t", "s"), (None, "t", "t"), ("s", None, "s")]
)
async def test_an_operator_may_let_them_belong_together(tmp_path, identity, owner, name):
    store, files = await meeting(tmp_path, identity, owner, "a", "bc")
    one = ownership(store, files)
    with pytest.raises(MismatchError):
        await one.check()
    await one.adopt()
    await one.check()
    assert (store.name, files.owner(), one.mismatch) == (name, name, None)


async def test_records_that_need_no_files_ask_for_none(tmp_path):
    store, files = await meeting(tmp_path, "s", None, "", "")
    await store.create(video_record("a", state=VideoState.CANCELLED))
    await store.create(video_record("b", num_bytes=0, url="https://example.com/b.mp4"))
    await ownership(store, files).check()


async def test_a_server_without_a_redis_leaves_the_folder_of_others_alone(tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    files.create("a").write_bytes(b"x")
    files.set_owner("s")
    with pytest.raises(MismatchError):
        await ownership(MemoryVideoStore(1000.0), files).check()


async def test_a_server_without_a_redis_continues_in_its_own_folder(tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    await ownership(MemoryVideoStore(1000.0), files).check()
    files.create("a").write_bytes(b"x")
    await ownership(MemoryVideoStore(1000.0), files).check()
