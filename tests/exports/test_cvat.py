"""CVAT's files, read as CVAT's importer reads them; its own library decodes the masks."""

from collections import defaultdict
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageDraw

from maskstream_exports.cvat import write_cvat_masks, write_cvat_polygons
from support.result_lines import FRAMES, found, lines, rectangle, results_of


def tracks_of(path):
    return ElementTree.parse(path).getroot().findall("track")


def filled(shape, size):
    """A polygon as pixels whose centres are inside, drawn four times as large."""
    picture = Image.new("1", (4 * size[1], 4 * size[0]))
    points = [
        tuple(4 * float(end) for end in each.split(",")) for each in shape.get("points").split(";")
    ]
    ImageDraw.Draw(picture).polygon(points, fill=1)
    return np.asarray(picture)[2::4, 2::4]


def test_polygons_are_one_track_for_each_object_and_end_outside(tmp_path):
    write_cvat_polygons(results_of(FRAMES), tmp_path / "a.xml")
    one, seven = tracks_of(tmp_path / "a.xml")
    assert (one.get("label"), seven.get("label")) == ("class 0", "class 2")
    assert (one.get("id"), seven.get("id")) == ("1", "7")
    states = [(int(each.get("frame")), each.get("outside")) for each in one]
    assert states == [(0, "0"), (1, "0"), (2, "1"), (4, "0"), (5, "1")]
    assert [(int(each.get("frame")), each.get("outside")) for each in seven] == [
        (1, "0"),
        (2, "0"),
        (3, "1"),
    ]
    assert all(each.get("keyframe") == "1" for track in (one, seven) for each in track)
    np.testing.assert_array_equal(filled(one[1], (20, 30)), rectangle(1, 1))


def test_a_polygon_is_the_outline_of_the_largest_piece(tmp_path):
    mask = rectangle(2, 2, 9)
    mask[4:7, 4:7] = False
    whole = mask | rectangle(20, 10, 3)
    write_cvat_polygons(results_of(lines([found(1, whole)])), tmp_path / "a.xml")
    (track,) = tracks_of(tmp_path / "a.xml")
    (shape,) = track
    np.testing.assert_array_equal(filled(shape, (20, 30)), rectangle(2, 2, 9))


def test_shapes_are_in_pixels_of_the_frame_where_masks_are_smaller(tmp_path):
    small = lines([found(1, rectangle(2, 3))])
    results = results_of(small, size=(39, 60), mask_scale=0.5)
    write_cvat_polygons(results, tmp_path / "a.xml")
    (track,) = tracks_of(tmp_path / "a.xml")
    assert track[0].get("points") == "4.00,6.00;14.00,6.00;14.00,16.00;4.00,16.00"


def test_labels_of_any_text_stay_what_they_are(tmp_path):
    odd = found(1, rectangle(0, 0)) | {"label": '<a & "b">'}
    write_cvat_masks(results_of(lines([odd])), tmp_path / "a.xml")
    assert tracks_of(tmp_path / "a.xml")[0].get("label") == '<a & "b">'


def test_every_mask_is_what_cvat_decodes_in_the_group_of_its_object(tmp_path):
    masks = pytest.importorskip(
        "cvat_sdk.masks", reason="cvat-sdk is not installed: pip install cvat-sdk"
    )
    noise = np.random.default_rng(0).random((20, 30)) > 0.5
    odd = [found(1, noise), found(2, rectangle(0, 0))]
    write_cvat_masks(results_of(lines(odd, [found(2, ~noise)])), tmp_path / "a.xml")
    read = defaultdict(list)
    for track in tracks_of(tmp_path / "a.xml"):
        shape = track[0]  # the importer takes the first of each track
        left, top, width, height = (
            int(shape.get(name)) for name in ("left", "top", "width", "height")
        )
        points = [int(run) for run in shape.get("rle").split(",")]
        points += [left, top, left + width - 1, top + height - 1]
        mask = masks.decode_mask(points, image_width=30, image_height=20)
        read[int(track.get("group_id"))].append((int(shape.get("frame")), mask))
    assert [frame for frame, _ in read[2]] == [0, 1]
    for mask, expected in (
        (read[1][0], noise),
        (read[2][0], rectangle(0, 0)),
        (read[2][1], ~noise),
    ):
        np.testing.assert_array_equal(mask[1], expected)
