"""`maskstream serve` of a model whose weights are published: from an empty cache to a stream."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from maskstream_client import connect
from support.distributions import distribution
from support.forks import Forked, maskstream
from support.published import EXAMPLE, World, world

__all__ = ["distribution", "world"]

FRAMES = [np.zeros((48, 64, 3), np.uint8) for _ in range(4)]
for number, frame in enumerate(FRAMES):
    frame[10:20, 5 + number : 20 + number] = 200


@contextmanager
def program(world: World, *words: str) -> Iterator[Forked]:
    """The command in a process of its own, which finds the family, the hub and the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(world.family), str(EXAMPLE)]))
        process = Forked(maskstream, *words, log=log_of(world))
    try:
        yield process
    finally:
        process.close()


def log_of(world: World) -> Path:
    return world.cache.with_name("log")


def fails(world: World, *words: str) -> str:
    with program(world, *words) as process:
        assert process.wait(120) == 1
    return log_of(world).read_text().splitlines()[-1]


def streams(world: World, *options: str) -> list[int]:
    with program(world, "serve", "--model", "tiny", "--port", "0", *options) as process:
        line = process.stdout.readline()
        assert line.startswith("maskstream serves tiny on cpu at "), log_of(world).read_text()
        with connect(line.split()[-1].replace("http", "ws")) as client:
            results = [result for _, result in client.stream(FRAMES, every_frame=True)]
    return [item.track_id for result in results for item in result.objects]


def test_a_server_names_the_command_and_serves_what_it_pulled(world):
    world.publish(caution="Nobody knows whether it may be used.")
    sentence = fails(world, "serve", "--model", "tiny", "--port", "0")
    assert "run `maskstream weights pull tiny`" in sentence
    assert "--weights auto" in sentence
    assert world.hub.receiver.asked == []
    with program(world, "weights", "pull", "tiny", "--yes") as process:
        assert process.wait(120) == 0
    world.hub.receiver.asked.clear()
    assert streams(world) == [1, 1, 1, 1]
    assert world.hub.receiver.asked == []


def test_a_server_pulls_by_itself_where_it_may(world):
    world.publish()
    assert streams(world, "--weights", "auto") == [1, 1, 1, 1]
    assert len(world.hub.asked_for_files) == 1


def test_a_server_that_cannot_pull_ends_with_one_sentence(world):
    world.publish(sha256="0" * 64)
    sentence = fails(world, "serve", "--model", "tiny", "--port", "0", "--weights", "auto")
    assert "The model tiny cannot be loaded: tiny.pth, as " in sentence
    assert "by the catalogue; it is not used" in sentence
