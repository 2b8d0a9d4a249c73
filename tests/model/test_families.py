"""The registry of families: what is registered, and sentences where it cannot be used."""

import subprocess
import sys

import pytest

from maskstream_model import families, load_model, preset_names
from maskstream_model.backends.table import CHOICES
from maskstream_model.daq import presets
from maskstream_model.errors import ConfigError
from maskstream_model.families import family_of
from support.distributions import distribution
from support.tiny import tiny_offline_model

__all__ = ["distribution"]


def test_our_presets_are_registered_as_any_others():
    registered = [name for name in preset_names() if family_of(name).name == "dvis-daq"]
    assert registered == sorted(presets.preset_names())
    assert family_of("demo_hungarian").name == "hungarian"


def test_a_preset_of_another_distribution_is_loaded_by_its_family(distribution):
    distribution(
        "family_of_one",
        {"other-demo": "family_of_one:FAMILY"},
        "from maskstream_model.families import Family\n"
        "FAMILY = Family('one', lambda *given, **rules: (given, rules))\n",
    )
    assert "other-demo" in preset_names()
    assert load_model("other-demo", "file", limit=3) == (
        ("other-demo", "file", "cpu"),
        {"limit": 3},
    )
    assert "other-demo" in [release.preset for release in families.releases()]
    assert families.graph_of("other-demo", "the model") is None
    assert families.live_model("other-demo", "the model") == "the model"


def test_a_model_that_refines_videos_has_a_part_for_live_frames():
    offline = tiny_offline_model()
    assert families.live_model("demo", offline) is offline.online
    assert families.live_model("demo", offline.online) is offline.online


def test_a_name_that_two_distributions_bring_is_refused(distribution):
    for name in ("family_of_two", "family_of_three"):
        distribution(name, {"twice": f"{name}:FAMILY"})
    assert preset_names().count("twice") == 1
    sentence = r"^twice is a model of both family_of_three 1\.0 and family_of_two 1\.0: uninstall"
    with pytest.raises(ConfigError, match=sentence):
        load_model("twice")


@pytest.mark.parametrize(
    ("value", "code", "sentence"),
    [
        ("family_of_four:FAMILY", "import nothing_of_this_name", "No module named 'nothing_of_"),
        ("family_of_four:FAMILY", "1 / 0", "ZeroDivisionError: division by zero"),
        ("family_of_four:FAMILY", "", "has no attribute 'FAMILY'"),
        ("family_of_four:FAMILY", "FAMILY = 3", "registered as family_of_four:FAMILY, which is no"),
        (
            "family_of_four:FAMILY",
            "from maskstream_model.families import Family\nFAMILY = Family('four', lambda: None)",
            r"^broken of four fails: TypeError: ",
        ),
    ],
)
def test_a_family_that_fails_is_one_sentence(distribution, value, code, sentence):
    distribution("family_of_four", {"broken": value}, code)
    assert "broken" in [release.preset for release in families.releases()]
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_model("broken")
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_preset_is_one_sentence():
    with pytest.raises(ConfigError, match=r"^unknown model 'nix'; known are .*, demo, demo_hung"):
        load_model("nix")


def test_names_of_presets_and_backends_import_neither_torch_nor_a_family():
    code = (
        "import sys, maskstream_model as m, maskstream_model.backends.table as t; m.preset_names();"
        "print([name for name in sys.modules if name == 'torch' or '.daq' in name], *t.CHOICES)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", *CHOICES]


def test_entry_points_are_read_once_for_a_path(monkeypatch, tmp_path):
    read, entry_points = [], families.entry_points
    monkeypatch.setattr(
        families, "entry_points", lambda group: read.append(group) or entry_points(group=group)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert family_of("demo") is family_of("demo")
    assert "demo" in preset_names()
    assert read == [families.GROUP]
