"""What `maskstream doctor` finds of the machine: its device, its codecs, the folder of videos."""

from pathlib import Path

import pytest
import torch

from maskstream_server.doctor import codecs, machine
from maskstream_server.doctor.folder import check_folder
from maskstream_server.media.limits import VideoLimits


def test_a_processor_computes_everywhere():
    device, drivers = machine.check_device("cpu")
    assert device.grade in ("ok", "warning")
    assert drivers.grade == "ok"


def test_a_gpu_that_torch_does_not_see_is_reported_with_its_reason(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "no CUDA" in machine.check_device("cuda")[0].text
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "--gpus all" in machine.check_device("cuda")[0].advice
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert "not among the 1" in machine.check_device("cuda:3")[0].text


@pytest.mark.parametrize(
    ("script", "grade", "text"),
    [
        ("echo 550.54", "ok", "NVIDIA 550.54"),
        ("echo no devices were found; exit 6", "failed", "no devices"),
        ("exit 9", "failed", "exit code 9"),
    ],
)
def test_the_driver_is_asked_by_its_own_tool(tmp_path, monkeypatch, script, grade, text):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    finding = machine.check_device("cuda")[1]
    assert finding.grade == grade
    assert text in finding.text


def test_every_codec_is_really_tried(monkeypatch):
    assert [f.grade for f in (*codecs.check_pictures(), *codecs.check_videos())] == ["ok"] * 2
    monkeypatch.setattr(codecs, "can_decode", lambda name: name != "hevc")
    (videos,) = codecs.check_videos()
    assert (videos.grade, "hevc" in videos.advice) == ("warning", True)

    def broken(*args: object, **options: object) -> None:
        raise OSError("encoder webp not available")

    monkeypatch.setattr(codecs.PictureWorker, "decode", broken)
    (pictures,) = codecs.check_pictures()
    assert (pictures.grade, "webp" in pictures.text) == ("failed", True)
    monkeypatch.setattr(codecs, "VIDEO_LIMITS", VideoLimits(max_frames=1))
    (videos,) = codecs.check_videos()
    assert (videos.grade, "more than 1 frames" in videos.text) == ("failed", True)


def test_a_folder_for_videos(tmp_path: Path):
    (finding,) = check_folder(tmp_path / "new", "memory", 0)
    assert (finding.grade, list((tmp_path / "new").iterdir())) == ("ok", [])
    (full,) = check_folder(tmp_path, "memory", 1 << 60)
    assert (full.grade, "delete videos" in full.advice) == ("failed", True)
    (tmp_path / "file").touch()
    assert check_folder(tmp_path / "file" / "in it", "memory", 0)[0].grade == "failed"
    assert check_folder(None, "memory", 0)[0].grade == "ok"
    assert check_folder(None, "redis://host", 0)[0].grade == "warning"
