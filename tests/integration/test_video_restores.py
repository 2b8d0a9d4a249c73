"""Backups of a store and of a folder, brought back in any order and of any age."""

import os
import shutil
from pathlib import Path

import pytest

from maskstream_server.jobs.maintenance.ownership import NO_FILES, NO_RECORDS
from support.redis_server import RedisServer
from support.video_ownership import (
    bytes_of,
    downloaded,
    eventually,
    finished,
    passes,
    readiness,
    shared_world,
)

__all__ = ["passes"]


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
