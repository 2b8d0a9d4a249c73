"""A family of somebody else whose weights are published on the stand-in hub, and pulls of them."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
import torch

from maskstream_model.errors import DownloadError
from maskstream_model.weightfiles.fetching import Runtime
from maskstream_model.weightfiles.pull import Pulled, pull
from support.distributions import Install
from support.hub import Hub, stand_in_hub

EXAMPLE = Path(__file__).parents[2] / "examples" / "brightest_blob"
NAME = "someone/tiny/files/tiny.pth"
SOURCE = "hf://someone/tiny/files/tiny.pth"
SHAPE = (300, 1000)
CODE = """
from dataclasses import replace
from maskstream_model.families import Family, WeightFormat
from maskstream_model.releases import Release

RELEASES = {rows}


def load(preset, weights=None, device="cpu", **rules):
    from brightest_blob import BrightestBlob
    from maskstream_model.checkpoint import load_weights

    model = BrightestBlob()
    model.info = replace(model.info, name=preset, fingerprint=mark(preset, load_weights(weights)))
    return model


def mark(preset, tensors):
    return f"{{int(tensors['weight'].sum()):016x}}"


def adapted(preset, tensors):
    return {{name.removeprefix("published."): tensor for name, tensor in tensors.items()}}


def weight_format():
    import torch

    return WeightFormat(
        lambda preset: {{"weight": torch.empty({shape}, device="meta")}}, mark, adapted
    )


FAMILY = Family("tiny", load, releases=RELEASES, weight_format=weight_format)
"""


def published(value: float = 1.0, shape: tuple[int, ...] = SHAPE) -> bytes:
    """Return the file as its authors write it: about 1.2 MB."""
    content = io.BytesIO()
    tensors = {"published.weight": torch.full(shape, value)}
    torch.save({"meta": {"epoch": 3, "names": ("a", "b")}, "state_dict": tensors}, content)
    return content.getvalue()


@dataclass
class Recorder:
    """An observer that agrees, and remembers."""

    said: list[str] = field(default_factory=list)
    agreed: list[tuple[str, int | None, str]] = field(default_factory=list)
    done: list[tuple[int, int | None]] = field(default_factory=list)
    refuses: bool = False

    def say(self, sentence):
        self.said.append(sentence)

    def agree(self, release, size, origin):
        if self.refuses:
            raise DownloadError("nothing was pulled")
        self.agreed.append((release.preset, size, origin))

    def progress(self, done, total):
        self.done.append((done, total))


@dataclass
class World:
    """A hub with one file, a family that has it in its catalogue, and an empty cache."""

    hub: Hub
    cache: Path
    install: Install
    environ: dict[str, str]
    slept: list[float] = field(default_factory=list)
    observer: Recorder = field(default_factory=Recorder)
    silence_s: float = 30.0
    family: Path = Path()

    @property
    def target(self) -> Path:
        return self.cache / "tiny.safetensors"

    @property
    def left(self) -> list[str]:
        """Files in the cache that are not locks, by their paths."""
        files = [path for path in self.cache.rglob("*") if path.is_file()]
        return sorted(path.name for path in files if path.suffix != ".lock")

    @property
    def ranges(self) -> list[str | None]:
        """The range that each request for a file asked for."""
        return [asked.headers.get("range") for asked in self.hub.asked_for_files]

    def publish(self, source: str = SOURCE, **facts: object) -> None:
        rows = f"(Release('tiny', {source!r}, **{facts!r}),)"
        code = CODE.format(rows=rows, shape=SHAPE)
        self.family = self.install("family_of_tiny", {"tiny": "family_of_tiny:FAMILY"}, code)

    def pull(self, origin: str | None = None, refresh: bool = False) -> Pulled:
        day = date(2026, 11, 29)
        runtime = Runtime(self.environ, self.slept.append, lambda: day, self.silence_s)
        return pull("tiny", self.observer, origin, refresh, runtime)


@pytest.fixture
def world(tmp_path, monkeypatch, distribution) -> Iterator[World]:
    """Nothing is published yet; the process' own environment is that of `environ`."""
    with stand_in_hub() as hub:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        own = {"MASKSTREAM_WEIGHTS_DIR": str(tmp_path / "cache"), "HF_ENDPOINT": hub.url}
        for name, value in own.items():
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(str(EXAMPLE))
        hub.files[NAME] = published()
        yield World(hub, tmp_path / "cache", distribution, own)


@pytest.fixture
def plain(world: World) -> World:
    """The same file at a web server that is no hub."""
    world.hub.files["plain/resolve/main/tiny.pth"] = published()
    world.publish(f"{world.hub.url}/plain/resolve/main/tiny.pth")
    return world
