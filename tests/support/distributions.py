"""Distributions that bring families of models, as somebody else installs them."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from maskstream_model import families

Install = Callable[..., Path]


def write_distribution(folder: Path, name: str, entries: Mapping[str, str], code: str = "") -> None:
    """Write a distribution that is nothing but a module and its entry points."""
    facts = folder / f"{name}-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "\n".join(f"{preset} = {value}" for preset, value in entries.items())
    (facts / "entry_points.txt").write_text(f"[{families.GROUP}]\n{lines}\n")
    (folder / f"{name}.py").write_text(code)


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution whose name begins with `family_of_`; returns its folder."""

    def install(name: str, entries: Mapping[str, str], code: str = "") -> Path:
        write_distribution(tmp_path / name, name, entries, code)
        monkeypatch.syspath_prepend(str(tmp_path / name))
        return tmp_path / name

    yield install
    for name in [name for name in sys.modules if name.startswith("family_of_")]:
        del sys.modules[name]
