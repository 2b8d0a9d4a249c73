"""What containers and pictures say is read as players read it."""

import gc
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition

from maskstream_client.errors import SourceError
from maskstream_client.video import VideoReader
from maskstream_media.orientation import MATRIX, Orientation
from support.odd_videos import (
    CORNERS,
    KINDS,
    MATRICES,
    RED,
    pictures,
    with_edit,
    with_repeats,
    write_growing,
    write_red,
    write_streams,
    write_video,
)


def read(path):
    """The frames and their times."""
    with VideoReader(path) as reader:
        frames = list(reader)
        return [frame.pixels for frame in frames], [frame.pts_s for frame in frames], reader


def corners(pixels):
    """Which of CORNERS stands in each corner."""
    found = [pixels[y, x].astype(int) for y, x in ((4, 4), (4, -4), (-4, 4), (-4, -4))]
    return "".join(
        str(min(range(4), key=lambda each: np.abs(colour - CORNERS[each]).sum()))
        for colour in found
    )


@pytest.mark.parametrize(("matrix", "shown"), MATRICES.items())
def test_a_video_is_turned_and_mirrored_as_its_display_matrix_says(matrix, shown, tmp_path):
    path = write_video(tmp_path / "clip.mp4", pictures(1), matrix=matrix)
    (pixels,), _, reader = read(path)
    assert corners(pixels) == shown
    assert pixels.shape[:2] == ((64, 48) if matrix[0] == 0 else (48, 64))
    assert pixels.flags.c_contiguous
    assert reader.sample_aspect == 1


@pytest.mark.parametrize(
    ("matrix", "degrees"),
    [((0.9, 0.3, -0.3, 0.9), 0), ((0.3, 0.9, -0.9, 0.3), -90), ((0.0, 0.0, 0.0, 0.0), 0)],
)
def test_a_turn_that_is_not_by_quarters_is_the_nearest_that_is(matrix, degrees):
    a, b, c, d = (round(each * 65536) for each in matrix)
    oriented = Orientation.from_matrix(MATRIX.pack(a, b, 0, c, d, 0, 0, 0, 1 << 30))
    assert oriented == Orientation.from_degrees(degrees)


def test_the_eight_orientations_have_eight_codes():
    codes = {Orientation.from_code(code).code for code in range(8)}
    assert codes == set(range(8))
    for code in (-1, 8):
        with pytest.raises(ValueError, match="no orientation"):
            Orientation.from_code(code)


def test_the_shape_of_pixels_turns_with_the_picture(tmp_path):
    _, _, reader = read(KINDS["wide_pixels.mp4"](tmp_path / "clip.mp4"))
    assert reader.sample_aspect == Fraction(3, 4)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("height", [64, 720])
def test_marked_colours_are_read_as_marked(matrix, full_range, height, tmp_path):
    path = write_red(tmp_path / "clip.mkv", height, matrix, full_range, marked=True)
    (pixels,), _, _ = read(path)
    assert pixels[32, 32].astype(int) == pytest.approx(RED, abs=4)


@pytest.mark.parametrize(("height", "matrix"), [(718, 5), (720, 1), (1080, 1)])
def test_unmarked_colours_are_those_of_the_size(height, matrix, tmp_path):
    path = write_red(tmp_path / "clip.mp4", height, matrix, full_range=False, marked=False)
    (pixels,), _, _ = read(path)
    assert pixels[32, 32].astype(int) == pytest.approx(RED, abs=4)


def test_a_colour_matrix_that_cannot_be_read_does_not_end_a_video(tmp_path):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.colorspace = 8  # YCgCo
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pictures(1)[0], format="rgb24")))
        container.mux(stream.encode())
    frames, _, _ = read(path)
    assert len(frames) == 1


def test_a_cover_is_not_taken_for_the_film(tmp_path):
    cover = (pictures(1, 200, 200), Disposition.attached_pic, "mjpeg")
    streams = [cover, (pictures(4), Disposition(0), "mpeg4")]
    frames, _, _ = read(write_streams(tmp_path / "film.mp4", streams))
    assert [frame.shape[:2] for frame in frames] == 4 * [(48, 64)]


def test_a_cover_alone_is_no_video(tmp_path):
    path = write_streams(tmp_path / "song.mp4", [(pictures(1), Disposition.attached_pic, "mjpeg")])
    with pytest.raises(SourceError, match="has no video in it"):
        VideoReader(path)


def test_the_default_of_several_videos_is_shown(tmp_path):
    frames, _, _ = read(KINDS["two.mkv"](tmp_path / "two.mkv"))
    assert [frame.shape[:2] for frame in frames] == 5 * [(60, 80)]


def test_a_sequence_is_shown_rather_than_the_still_picture_beside_it(tmp_path):
    frames, _, _ = read(KINDS["sequence.avif"](tmp_path / "sequence.avif"))
    assert len(frames) == 4


def test_an_edit_list_leaves_frames_out_and_counts_from_its_start(tmp_path):
    path = write_video(tmp_path / "clip.mp4", pictures(20), "libx264", options={"g": "10"})
    frames, times, reader = read(with_edit(path, 0.3, 1.0))
    assert times == pytest.approx([number / 10 for number in range(10)])
    assert [frame[24, 32].mean() for frame in frames] == pytest.approx(
        [40 + 4 * number for number in range(3, 13)], abs=5
    )
    assert (reader.num_frames, reader.warning) == (10, None)


def test_frames_before_the_start_of_the_file_keep_their_distance(tmp_path):
    path = tmp_path / "clip.mp4"
    options = {"movflags": "negative_cts_offsets", "use_editlist": "0"}
    write_video(path, pictures(6), "libx264", container_options=options, options={"bf": "2"})
    _, times, _ = read(path)
    assert times == pytest.approx([number / 10 for number in range(6)])


def test_frames_that_an_avi_dropped_are_not_missed(tmp_path):
    frames, times, reader = read(KINDS["dropped.avi"](tmp_path / "clip.avi"))
    assert times == pytest.approx([0, 0.1, 0.2, 0.6, 0.7, 0.8, 1.2, 1.3])
    assert (len(frames), reader.num_frames, reader.warning) == (8, 8, None)


@pytest.mark.parametrize("empty", [False, True])
def test_frames_that_an_avi_repeats_are_shown_longer(empty, tmp_path):
    path = write_video(tmp_path / "clip.avi", pictures(6), "mjpeg")
    _, times, reader = read(with_repeats(path, [2, 2, 4], empty=empty))
    assert times == pytest.approx([0, 0.1, 0.2, 0.5, 0.6, 0.8])
    assert (reader.num_frames, reader.warning) == (6, None)


def test_an_avi_that_is_cut_off_is_reported(tmp_path):
    path = write_video(tmp_path / "clip.avi", pictures(20, 240, 320), "mjpeg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames, _, reader = read(path)
    assert 0 < len(frames) < 20
    assert reader.warning == (
        f"The file is cut off: it announces 20 frames, {len(frames)} could be read."
    )


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.webm", "libvpx"),
        ("clip.webm", "libvpx-vp9"),
        ("clip.avi", "mjpeg"),
        ("clip.mov", "png"),
        ("clip.ts", "libx264"),
        ("clip.mkv", "libx264"),
        ("clip.mp4", "libx264"),
        ("clip.ts", "libx265"),
        ("clip.ts", "mpeg2video"),
    ],
)
def test_sizes_that_grow_are_scaled_into_the_largest(name, codec, tmp_path):
    path = write_growing(tmp_path / name, codec, [(48, 64), (96, 128), (64, 32)])
    frames, _, reader = read(path)
    assert {frame.shape for frame in frames} == {(96, 128, 3)}
    # MPEG-2's decoder loses the last picture before a change.
    assert [corners(frame) for frame in frames[:4]] == 4 * ["0123"]
    last = frames[-1]
    assert last[:, :40].max() < 30  # (64, 32) becomes (96, 48), in the middle of black
    assert last[:, -40:].max() < 30
    assert corners(last[:, 40:-40]) == "0123"
    assert "had another size than the largest and were scaled into it" in reader.warning


@pytest.mark.parametrize("num_frames", [0, 2])
def test_a_whole_file_that_is_left_early_is_not_called_cut_off(num_frames, tmp_path):
    with VideoReader(write_video(tmp_path / "clip.mp4", pictures(5))) as reader:
        for _ in zip(range(num_frames), reader, strict=False):
            pass
        assert reader.warning is None


def test_reading_keeps_no_frame_longer_than_it_is_shown(tmp_path):
    path = write_video(tmp_path / "clip.mp4", pictures(30), matrix=(0, 1, -1, 0))
    gc.collect()
    gc.disable()
    try:
        with VideoReader(path) as reader:
            for _ in reader:
                pass
        held = sum(type(item) is av.VideoFrame for item in gc.get_objects())
    finally:
        gc.enable()
    assert held < 5
