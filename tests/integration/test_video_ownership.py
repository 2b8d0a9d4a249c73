"""A lost, empty or wrong store, or folder, of a running server: nothing is removed, and all is
back once they are what they were."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from maskstream_server.doctor import checks
from maskstream_server.doctor.command import doctor
from maskstream_server.errors import StartError
from maskstream_server.jobs import service
from maskstream_server.jobs.maintenance.maintenance import Maintenance
from maskstream_server.jobs.maintenance.ownership import NO_FILES, NO_RECORDS
from maskstream_server.jobs.storage.files import ORPHAN_S
from support.redis_server import RedisServer
from support.video_world import World, world

SOON_S = 150.0
DAY_S = 24 * 3600.0
PASSES = 12
"""More than enough to remove three videos, one in each."""


class Passes:
    """Counts how often a server has looked for what nobody needs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        tend = Maintenance.tend

        async def counted(maintenance: Maintenance):
            try:
                return await tend(maintenance)
            finally:
                self.done += 1

        monkeypatch.setattr(Maintenance, "tend", counted)
        monkeypatch.setattr(service, "TEND_S", 0.02)

    def go_by(self, num_passes: int = PASSES) -> None:
        until = self.done + num_passes
        eventually(lambda: self.done >= until)


def eventually(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.fixture
def passes(monkeypatch) -> Passes:
    return Passes(monkeypatch)


@contextmanager
def shared_world(redis: RedisServer, folder: Path, **settings) -> Iterator[World]:
    values = {"store": redis.url, "data_folder": folder} | settings
    with world(**values) as opened:
        yield opened


def finished(here: World, num_videos: int = 3) -> dict[str, bytes]:
    """Videos that are done, and their file; not of late."""
    videos = [here.submit(data=b"video %d" % number).json()["id"] for number in range(num_videos)]
    assert [here.done(video)["state"] for video in videos] == num_videos * ["done"]
    past_s = time.time() - ORPHAN_S - 60
    for video in videos:
        folder = here.live.service.settings.data_folder / "videos" / video
        for path in (*folder.iterdir(), folder):
            os.utime(path, (past_s, past_s))
    return {video: downloaded(here, video) for video in videos}


def downloaded(here: World, video: str) -> bytes:
    answer = here.client.get(f"/v1/videos/{video}/artifacts/ytvis.json")
    return answer.raise_for_status().content


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All files of all videos."""
    root = folder / "videos"
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.glob("[0-9a-f]*/*"))
        if path.is_file()
    }


def readiness(here: World) -> tuple[int, str | None]:
    answer = here.client.get("/readyz")
    assert answer.json()["videos"] is (answer.status_code == 200)
    return answer.status_code, answer.json().get("reason")


def refused(here: World) -> None:
    """Nothing new comes in, by no way."""
    for answer in (
        here.submit(),
        here.client.post("/v1/videos", json={"url": "https://example.com/a.mp4"}),
        here.client.post("/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "100"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "videos_mismatch")
        assert "do not belong together" in answer.json()["detail"]


def test_a_store_that_is_emptied_takes_no_file_with_it(own_redis, tmp_path, passes):
    folder = tmp_path / "data"
    with shared_world(own_redis, folder) as here, own_redis.client() as redis:
        files, before = finished(here), bytes_of(folder)
        kept = {key: redis.dump(key) for key in redis.scan_iter("mv:*")}
        passes.go_by()
        assert readiness(here) == (200, None)
        redis.flushall()
        refused(here)  # at once, not only after the next pass
        eventually(lambda: readiness(here) == (503, NO_RECORDS))
        passes.go_by()
        assert bytes_of(folder) == before
        assert here.client.get("/healthz").status_code == 200
        for key, value in kept.items():
            redis.restore(key, 0, value, replace=True)  # docket may be quicker
        eventually(lambda: readiness(here) == (200, None))
        assert {video: downloaded(here, video) for video in files} == files
        # The queue was emptied, too: its workers need a while to find out.
        video = here.submit().json()["id"]
        eventually(lambda: here.client.get(f"/v1/videos/{video}").json()["state"] == "done")
        passes.go_by()
        assert before.items() <= bytes_of(folder).items()


def test_an_index_that_is_lost_alone_is_made_anew(own_redis, tmp_path, passes):
    folder = tmp_path / "data"
    with shared_world(own_redis, folder) as here, own_redis.client() as redis:
        files = finished(here)
        before = bytes_of(folder)
        redis.delete("mv:index")
        assert here.client.get("/v1/videos").json()["videos"] == []
        passes.go_by()
        listed = here.client.get("/v1/videos").json()["videos"]
        assert {video["id"] for video in listed} == set(files)
        assert {video: downloaded(here, video) for video in files} == files
        assert before.items() <= bytes_of(folder).items()


def test_a_wrong_database_removes_nothing_and_gets_nothing(own_redis, tmp_path, passes):
    folder = tmp_path / "data"
    with shared_world(own_redis, folder) as here:
        finished(here)
    before = bytes_of(folder)
    wrong = own_redis.url.removesuffix("0") + "7"
    with shared_world(own_redis, folder, store=wrong) as here:
        eventually(lambda: readiness(here) == (503, NO_RECORDS))
        refused(here)
        passes.go_by()
    assert bytes_of(folder) == before
    with own_redis.client() as redis:
        redis.select(7)
        assert list(redis.scan_iter("mv:*")) == []


def test_a_video_waits_where_its_file_is_not(own_redis, tmp_path, passes):
    """A volume that is not mounted fails no video: its worker waits for it."""
    folder = tmp_path / "data"
    with shared_world(own_redis, folder, video_jobs=0) as here:
        video = here.submit().json()["id"]
    with shared_world(own_redis, tmp_path / "not mounted") as here:
        eventually(lambda: readiness(here) == (503, NO_FILES))
        passes.go_by()
        assert here.client.get(f"/v1/videos/{video}").json()["state"] == "queued"
    with shared_world(own_redis, folder) as here:
        assert here.done(video)["state"] == "done"


class Backup:
    """What docs/operating.md says: the store first, then the folder; and back."""

    def __init__(self, redis: RedisServer, folder: Path, place: Path) -> None:
        self.redis, self.folder, self.place = redis, folder, place
        with redis.client() as client:
            client.save()
        place.mkdir()
        shutil.copy(redis.folder / "dump.rdb", place)
        shutil.copytree(folder, place / "data")

    def lose(self) -> None:
        self.redis.kill()
        self._empty()
        shutil.rmtree(self.folder)
        self.redis.start()

    def bring_back_the_folder(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.place / "data", self.folder)

    def bring_back_the_store(self) -> None:
        redis = self.redis
        redis.stop()
        self._empty()
        shutil.copy(self.place / "dump.rdb", redis.folder)
        redis.options = ("--appendonly", "no")
        redis.start()
        with redis.client() as client:
            client.config_set("appendonly", "yes")
            eventually(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
            eventually(lambda: client.info("persistence")["aof_enabled"] == 1)
        redis.stop()
        redis.options = ()
        redis.start()

    def _empty(self) -> None:
        shutil.rmtree(self.redis.folder / "appendonlydir", ignore_errors=True)
        (self.redis.folder / "dump.rdb").unlink(missing_ok=True)


@pytest.mark.parametrize("first", ["folder", "store"])
def test_a_backup_is_restored_in_any_order_with_servers_running_in_between(
    own_redis, tmp_path, passes, first
):
    folder = tmp_path / "data"
    with shared_world(own_redis, folder) as here:
        files = finished(here)
        backup = Backup(own_redis, folder, tmp_path / "backup")
        later = finished(here, 1)
    backup.lose()
    steps = [backup.bring_back_the_folder, backup.bring_back_the_store]
    if first == "store":
        steps.reverse()
    steps[0]()
    reason = NO_RECORDS if first == "folder" else NO_FILES
    with shared_world(own_redis, folder) as here:
        eventually(lambda: readiness(here) == (503, reason))
        passes.go_by()
    steps[1]()
    with shared_world(own_redis, folder) as here:
        passes.go_by()
        assert readiness(here) == (200, None)
        listed = here.client.get("/v1/videos").json()["videos"]
        assert {video["id"]: video["state"] for video in listed} == dict.fromkeys(files, "done")
        assert {video: downloaded(here, video) for video in files} == files
        assert not later.keys() & {path.partition("/")[0] for path in bytes_of(folder)}
        assert here.done(here.submit().json()["id"])["state"] == "done"


def test_an_older_store_beside_a_newer_folder_loses_nothing(own_redis, tmp_path, passes):
    """What the store does not know waits in quarantine until the right one is back."""
    folder = tmp_path / "data"
    with shared_world(own_redis, folder) as here:
        finished(here, 1)
        older = Backup(own_redis, folder, tmp_path / "older")
        files = finished(here, 2)
        newer = Backup(own_redis, folder, tmp_path / "newer")
    before = bytes_of(folder)
    older.bring_back_the_store()
    with shared_world(own_redis, folder) as here:
        passes.go_by()
        assert here.client.get("/readyz").status_code == 200
        assert sorted(os.listdir(folder / "videos" / ".quarantine")) == sorted(files)
    newer.bring_back_the_store()
    with shared_world(own_redis, folder) as here:
        passes.go_by()
        assert {video: downloaded(here, video) for video in files} == files
    assert bytes_of(folder) == before


def test_the_doctor_says_so_and_an_operator_decides(own_redis, tmp_path, passes, monkeypatch):
    def diagnosis(*options: str) -> tuple[int, str]:
        found = CliRunner().invoke(
            doctor, ["--store", own_redis.url, "--data-folder", str(folder), *options]
        )
        (line,) = [line for line in found.output.splitlines() if " records " in line]
        return found.exit_code, f"{line} {found.output.partition(line)[2]}"

    monkeypatch.setattr(checks, "check_model", lambda settings: [])
    monkeypatch.setattr(checks, "check_port", lambda host, port: [])
    folder = tmp_path / "data"
    with shared_world(own_redis, folder) as here:
        finished(here)
        code, line = diagnosis()
        assert code == 0
        assert "3 videos with files, 0 in quarantine" in line
        with own_redis.client() as redis:
            redis.flushall()
        code, line = diagnosis()
        assert code == 1
        assert NO_RECORDS.rstrip(".") in line
        assert "maskstream doctor --adopt" in line
        passes.go_by()
        assert diagnosis("--adopt")[0] == 0
        eventually(lambda: readiness(here) == (200, None))
        passes.go_by()
        assert "0 videos with files, 3 in quarantine" in diagnosis()[1]


@pytest.mark.parametrize("shares", [True, False])
def test_a_folder_that_a_server_without_a_redis_uses_is_refused(own_redis, tmp_path, shares):
    folder = tmp_path / "data"
    with (
        world(data_folder=folder),
        pytest.raises(StartError, match="MASKSTREAM_DATA_FOLDER is used by"),
        world(data_folder=folder, **({"store": own_redis.url} if shares else {})),
    ):
        pass
    with world(data_folder=folder) as here:
        assert readiness(here) == (200, None)


def test_a_server_without_a_redis_puts_what_its_last_run_left_aside(tmp_path, passes):
    folder = tmp_path / "data"
    with world(data_folder=folder) as here:
        finished(here, 2)
    before = bytes_of(folder)
    with world(data_folder=folder) as here:
        passes.go_by()
        assert readiness(here) == (200, None)
        assert here.done(here.submit().json()["id"])["state"] == "done"
    aside = folder / "videos" / ".quarantine"
    assert {str(path.relative_to(aside)): path.read_bytes() for path in aside.glob("*/*")} == before


@pytest.mark.parametrize("off_s", [30 * DAY_S, -30 * DAY_S])
def test_a_server_whose_clock_is_off_removes_nothing_and_dates_as_others_do(
    own_redis, tmp_path, passes, monkeypatch, off_s
):
    folder, true_s = tmp_path / "data", time.time
    with shared_world(own_redis, folder) as here:
        files = finished(here, 2)
        created = here.client.post(
            "/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "100"}
        )
        upload = created.headers["location"]
    monkeypatch.setattr(time, "time", lambda: true_s() + off_s)
    with shared_world(own_redis, folder) as here:
        passes.go_by()
        assert {video: downloaded(here, video) for video in files} == files
        head = here.client.head(upload, headers={"Tus-Resumable": "1.0.0"})
        assert head.headers["upload-offset"] == "0"
        told = here.done(here.submit().json()["id"])
        for when in ("created", "updated"):
            dated_s = datetime.fromisoformat(told[when]).timestamp()
            assert abs(dated_s - true_s()) < DAY_S
        assert told["id"] > max(files)


def test_live_sessions_are_not_concerned(own_redis, tmp_path, passes):
    folder = tmp_path / "data"
    with shared_world(own_redis, folder) as here, own_redis.client() as redis:
        finished(here, 1)
        redis.flushall()
        eventually(lambda: readiness(here)[0] == 503)
        assert httpx.get(f"{here.live.url}/v1/models").status_code == 200
