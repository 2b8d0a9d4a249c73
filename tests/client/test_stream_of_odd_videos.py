"""What `maskstream stream` leaves of videos as the world has them, and on disks that are full."""

import json
from fractions import Fraction
from pathlib import Path

import av
import pytest
from click.testing import CliRunner

from client.fake_server import Script, ThreadedServer
from maskstream_client.commands import stream
from maskstream_client.video import VideoReader
from support.odd_videos import KINDS, pictures, write_video


def run(clip, *options):
    with ThreadedServer(Script(drop=(3,))) as server:
        arguments = [clip, "--url", server.url, *options]
        return CliRunner().invoke(stream, [str(each) for each in arguments])


def test_masks_of_a_video_that_grows_are_of_one_size(tmp_path):
    clip = KINDS["growing.webm"](tmp_path / "clip.webm")
    done = run(clip, "--json", tmp_path / "r.json", "--out", tmp_path / "a.mp4")
    assert done.exit_code == 0, done.output
    assert "6 frames had another size than the largest and were scaled into it." in done.output
    (track,) = json.loads((tmp_path / "r.json").read_text())
    masks = [mask for mask in track["segmentations"] if mask is not None]
    assert [mask["size"] for mask in masks] == 8 * [[96, 128]]
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert {frame.pixels.shape for frame in reader} == {(96, 128, 3)}


def test_an_annotated_video_has_the_times_and_the_shape_of_its_source(tmp_path):
    times = [0, 1, 2, 30, 31, 32]
    clip = write_video(
        tmp_path / "clip.mp4",
        pictures(6),
        times=times,
        aspect=Fraction(4, 3),
        matrix=(0, 1, -1, 0),
    )
    out = tmp_path / "cam:1.mp4"
    done = run(clip, "--out", out)
    assert done.exit_code == 0, done.output
    with out.open("rb") as file, av.open(file) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(3, 4)
        shown = [frame.time for frame in container.decode(video=0)]
    assert shown == pytest.approx([time / 10 for time in times], abs=1e-3)


@pytest.mark.parametrize("full", ["--out", "--json", "--summary"])
def test_a_full_disk_for_one_file_keeps_the_others(full, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    places = {each: tmp_path / each.strip("-") for each in ("--out", "--json", "--summary")}
    places["--out"] = tmp_path / "out.mp4"
    places[full] = Path("/dev/full")
    clip = write_video(tmp_path / "clip.mp4", pictures(9))
    done = run(clip, *(part for place in places.items() for part in place))
    assert done.exit_code == 1
    assert "Error: /dev/full cannot be written: No space left on device." in done.output
    others = {name: path for name, path in places.items() if name != full}
    counts = set()
    if "--out" in others:
        with VideoReader(others["--out"]) as reader:
            counts.add(len(list(reader)))
    if "--json" in others:
        counts.add(len(json.loads(others["--json"].read_text())[0]["segmentations"]))
    if "--summary" in others:
        counts.add(json.loads(others["--summary"].read_text())["frames"])
    (count,) = counts
    # A video that cannot be written ends the stream; the results come when it is over.
    assert 0 < count <= 9 if full == "--out" else count == 9
