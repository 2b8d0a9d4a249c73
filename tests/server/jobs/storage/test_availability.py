"""Whether a folder can be used: what counts as away, what does not, and one that hangs."""

import asyncio
import errno
import tempfile
import threading

import pytest

from maskstream_server.errors import FolderAwayError, NoSpaceError
from maskstream_server.jobs.storage import availability
from maskstream_server.jobs.storage.availability import FolderProbe, check_usable, checks_folder
from maskstream_server.jobs.storage.files import VideoFiles
from support.lost_folder import WAYS, LostFolder


@pytest.fixture
def files(tmp_path) -> VideoFiles:
    return VideoFiles(tmp_path / "data", None, 0)


@pytest.mark.parametrize("way", WAYS)
async def test_a_folder_that_is_away_is_reported_until_it_is_back(files, way):
    folder, probe = LostFolder(files.root, way), FolderProbe(files, 30.0)
    check_usable(files)
    folder.take_away()
    with pytest.raises(FolderAwayError, match="cannot be used now"):
        check_usable(files)
    assert not await probe.usable()
    folder.bring_back()
    check_usable(files)
    assert await probe.usable()
    assert list(files.landing.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.ESTALE, errno.EACCES])
def test_what_the_system_says_is_in_the_sentence(files, monkeypatch, number):
    def refuse(dir):
        raise OSError(number, "These words")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(FolderAwayError, match=r"now \(These words\); its operator"):
        check_usable(files)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_not_away(files, monkeypatch, number):
    def refuse(dir):
        raise OSError(number, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    check_usable(files)


async def test_one_look_at_a_time_is_taken_at_a_folder_that_hangs(files, monkeypatch):
    looks, go_on = [], threading.Event()

    def hang(at):
        looks.append(at)
        go_on.wait(30)

    monkeypatch.setattr(availability, "check_usable", hang)
    probe = FolderProbe(files, within_s=0.05)
    assert [await probe.usable() for _ in range(3)] == [False] * 3
    assert len(looks) == 1
    go_on.set()
    async with asyncio.timeout(30):
        while not await probe.usable():
            pass


class Desk:
    def __init__(self, files: VideoFiles, error: Exception) -> None:
        self.files, self.error = files, error

    @checks_folder
    async def fail(self) -> None:
        raise self.error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), NoSpaceError("full"), ValueError()])
async def test_what_fails_for_another_reason_stays_what_it_was(files, error):
    with pytest.raises(type(error)) as raised:
        await Desk(files, error).fail()
    assert raised.value is error


async def test_what_fails_while_the_folder_is_away_fails_for_that(files):
    folder = LostFolder(files.root, "gone")
    folder.take_away()
    for error in (OSError(errno.ENOENT, "x"), NoSpaceError("full")):
        with pytest.raises(FolderAwayError):
            await Desk(files, error).fail()
    folder.bring_back()
