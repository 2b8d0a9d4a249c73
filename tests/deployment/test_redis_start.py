"""`docker/redis/start.sh`, with a real redis-server and folders of a test."""

import os
import subprocess
import time
from pathlib import Path

import pytest
import redis

from support.compose_stack import CHECKOUT
from support.redis_server import free_port, redis_binary


def started(folder: Path, password: bytes, *options: str) -> "subprocess.Popen[str]":
    """Start what compose starts, with paths in a folder instead of a container's."""
    binary = redis_binary()
    if binary is None:
        pytest.skip("no redis-server: neither on PATH nor named by MASKSTREAM_REDIS_SERVER")
    (folder / "store_password").write_bytes(password)
    settings = (CHECKOUT / "docker/redis/redis.conf").read_text()
    (folder / "redis.conf").write_text(settings.replace("dir /data", f"dir {folder}"))
    script = (CHECKOUT / "docker/redis/start.sh").read_text()
    for there in ("/run/secrets", "/etc/maskstream"):
        script = script.replace(there, str(folder))
    script = script.replace("/tmp/redis.conf", f"{folder}/made.conf")
    script = script.replace("exec redis-server", f"exec {binary}")
    (folder / "start.sh").write_text(f"{script.rstrip()} {' '.join(options)}\n")
    variables = os.environ | {"APPENDFSYNC": "always", "MAXMEMORY": "64mb"}
    command = ["sh", str(folder / "start.sh")]
    return subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("password", [b"", b"\n", b"\r\n"])
def test_a_store_without_a_password_is_not_started(tmp_path: Path, password: bytes):
    process = started(tmp_path, password)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "store_password is empty" in said


def test_the_password_is_that_of_the_file_whatever_ends_its_line(tmp_path: Path):
    port = free_port()
    process = started(tmp_path, b"the password\r\n", f"--port {port} --bind 127.0.0.1")
    try:
        client = redis.Redis(port=port, password="the password", protocol=2)
        until = time.monotonic() + 30
        while True:
            try:
                assert client.ping()
                break
            except redis.exceptions.ConnectionError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
        with pytest.raises(redis.exceptions.AuthenticationError):
            redis.Redis(port=port, protocol=2).ping()
    finally:
        process.terminate()
        process.communicate(timeout=30)
