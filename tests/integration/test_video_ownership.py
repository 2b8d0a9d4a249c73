"""A lost, empty or wrong store, or folder, of a running server: nothing is removed, and all is
back once they are what they were."""

import time
from datetime import datetime

import httpx
import pytest
from click.testing import CliRunner

from maskstream_server.doctor import checks
from maskstream_server.doctor.command import doctor
from maskstream_server.errors import StartError
from maskstream_server.jobs.maintenance.ownership import NO_FILES, NO_RECORDS
from support.video_ownership import (
    bytes_of,
    downloaded,
    eventually,
    finished,
    passes,
    readiness,
    refused,
    shared_world,
)
from support.video_world import world

__all__ = ["passes"]

DAY_S = 24 * 3600.0


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


def test_the_doctor_says_so_and_an_operator_decides(own_redis, tmp_path, passes, monkeypatch):
    def diagnosis(*options: str) -> tuple[int, str]:
        found = CliRunner().invoke(
            doctor, ["--store", own_redis.url, "--data-folder", str(folder), *options]
        )
        (line,) = [line for line in found.output.splitlines() if " records " in line]
        return found.exit_code, f"{line} {found.output.partition(line)[2]}"

    monkeypatch.setattr(checks, "check_model", lambda *_: [])
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
        record = here.done(here.submit().json()["id"])
        for when in ("created", "updated"):
            dated_s = datetime.fromisoformat(record[when]).timestamp()
            assert abs(dated_s - true_s()) < DAY_S
        assert record["id"] > max(files)


def test_live_sessions_are_not_concerned(own_redis, tmp_path, passes):
    folder = tmp_path / "data"
    with shared_world(own_redis, folder) as here, own_redis.client() as redis:
        finished(here, 1)
        redis.flushall()
        eventually(lambda: readiness(here)[0] == 503)
        assert httpx.get(f"{here.live.url}/v1/models").status_code == 200
