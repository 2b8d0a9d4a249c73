"""`maskstream bench upload` against a real server in a process of its own."""

import json

import pytest
from click.testing import CliRunner

from maskstream_bench.upload import upload
from maskstream_client.videos import Videos
from support.server_process import server_process

NUM_BYTES = 128 << 20
MAX_GROWTH_MIB = 64.0


@pytest.mark.slow
def test_a_large_upload_takes_little_memory_of_the_server_either_way(tmp_path):
    out = tmp_path / "report.json"
    with server_process({"data_folder": str(tmp_path / "data"), "video_jobs": 0}) as server:
        pid = str(server.process.pid)
        arguments = ["--url", server.url, "--bytes", "128M", "--pid", pid, "--out", str(out)]
        done = CliRunner().invoke(upload, arguments)
        assert done.exit_code == 0, done.output
        assert list(Videos(server.url).list()) == []
    assert not any((tmp_path / "data" / "videos" / ".incoming").glob("*/*"))
    report = json.loads(out.read_text())
    assert report["asked"]["num_bytes"] == NUM_BYTES
    for way in ("form", "resumable"):
        run = report["runs"][way]
        assert run["mib_per_s"] > 0
        memory = run["server"]["memory_mib"]
        assert memory["max"] - memory["first"] < MAX_GROWTH_MIB, way


def test_what_is_no_size_is_refused():
    done = CliRunner().invoke(upload, ["--bytes", "much"])
    assert done.exit_code == 2
    assert "'much' is no number of bytes, such as 4G" in done.output
