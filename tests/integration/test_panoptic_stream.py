"""Panoptic and semantic models over a real socket: every pixel has one owner, ids last."""

import json
from functools import cache

import numpy as np
import pytest

from maskstream_client import connect
from maskstream_model.tasks.panoptic_online import panoptic_frame
from maskstream_model.tasks.semantic import semantic_frame
from maskstream_protocol.masks import decode_mask
from maskstream_protocol.records import Status, Task
from support.raw_client import raw_client
from support.running import run
from support.server import running_server
from support.tiny import SIZE, tiny_frames, tiny_panoptic_model

FRAMES = tiny_frames(16)
FORMATS = ["rle", "bits", "labelmap", "polygons"]
MAX_TRACKS = 100


@cache
def outputs(task):
    """The model's own steps, without a server."""
    return run(tiny_panoptic_model(task), FRAMES, max_tracks=MAX_TRACKS)[0]


def served(task):
    return running_server(tiny_panoptic_model(task), deterministic=True, max_tracks=MAX_TRACKS)


@pytest.fixture(scope="module")
def panoptic_server():
    with served("panoptic") as live:
        yield live


@pytest.fixture(scope="module")
def semantic_server():
    with served("semantic") as live:
        yield live


def stream(live, frames=FRAMES, **options):
    with connect(live.url, picture="rgb24", min_score=0.0, **options) as client:
        return [result for _, result in client.stream(frames)]


def picture_of(result):
    """Track ids by pixel, 0 for none; no pixel has two owners."""
    owners = np.zeros(result.mask_size, np.int64)
    for item in result.objects:
        mask = decode_mask(result.message, item.record)
        assert not owners[mask].any()
        assert mask.sum() == item.area
        owners[mask] = item.track_id
    return owners


@pytest.mark.parametrize("masks", FORMATS)
def test_the_masks_of_a_panoptic_stream_are_the_models_own_picture(panoptic_server, masks):
    config = panoptic_server.service.model.config
    for result, output in zip(
        stream(panoptic_server, masks=masks), outputs("panoptic"), strict=True
    ):
        expected = panoptic_frame(output, SIZE, config).segment_map
        assert result.message.task is Task.PANOPTIC
        np.testing.assert_array_equal(picture_of(result), expected)
        things = [item.thing for item in result.objects]
        assert things == [config.classes[item.class_id].thing for item in result.objects]


def test_such_a_stream_has_things_and_stuff_that_come_and_go(panoptic_server):
    results = stream(panoptic_server)
    shown = [item for result in results for item in result.objects if item.has_mask]
    assert {item.thing for item in shown} == {True, False}
    statuses = [item.status for result in results for item in result.objects]
    assert set(statuses) == set(Status)


def test_a_track_begins_once_ends_once_and_is_reported_in_between(panoptic_server):
    mentioned, ended = set(), set()
    for result in stream(panoptic_server, masks="none"):
        ids = {item.track_id for item in result.objects}
        assert mentioned - ended <= ids
        for item in result.objects:
            assert item.track_id not in ended
            assert (item.status is Status.EMERGED) == (item.track_id not in mentioned)
            mentioned.add(item.track_id)
            if item.status is Status.DISAPPEARED:
                ended.add(item.track_id)
    assert ended


def test_a_class_of_stuff_has_one_mask_on_a_frame(panoptic_server):
    for result in stream(panoptic_server):
        stuff = [item for item in result.objects if not item.thing and item.has_mask]
        assert len({item.class_id for item in stuff}) == len(stuff)


def test_identities_do_not_depend_on_the_encoding(panoptic_server):
    runs = [stream(panoptic_server, masks=masks) for masks in (*FORMATS, "none")]
    ids = [
        [[(item.track_id, item.status) for item in result.objects] for result in results]
        for results in runs
    ]
    assert all(each == ids[0] for each in ids)


def test_a_high_min_score_leaves_no_hole(panoptic_server):
    """What is mentioned fills its masks as if the others did not exist."""
    with connect(panoptic_server.url, picture="rgb24", min_score=0.8) as client:
        results = [result for _, result in client.stream(FRAMES)]
    config = panoptic_server.service.model.config
    for result, output in zip(results, outputs("panoptic"), strict=True):
        mentioned = {item.track_id for item in result.objects}
        expected = panoptic_frame(output, SIZE, config, mentioned).segment_map
        np.testing.assert_array_equal(picture_of(result), expected)
    assert len({item.track_id for result in results for item in result.objects}) > 1


@pytest.mark.parametrize("masks", FORMATS)
def test_a_semantic_stream_has_one_object_for_each_class(semantic_server, masks):
    for result, output in zip(
        stream(semantic_server, masks=masks), outputs("semantic"), strict=True
    ):
        assert result.message.task is Task.SEMANTIC
        assert [item.track_id for item in result.objects] == [
            item.class_id + 1 for item in result.objects
        ]
        assert {item.status for item in result.objects} == {Status.TRACKED}
        picture = picture_of(result)
        np.testing.assert_array_equal(picture, semantic_frame(output, SIZE) + 1)
        assert picture.all()


@pytest.mark.parametrize("scale", [0.5, 0.25])
def test_a_label_map_on_a_coarser_grid_has_no_holes_of_its_own(panoptic_server, scale):
    size = (round(SIZE[0] * scale), round(SIZE[1] * scale))
    config = panoptic_server.service.model.config
    results = stream(panoptic_server, masks="labelmap", mask_scale=scale)
    for result, output in zip(results, outputs("panoptic"), strict=True):
        expected = panoptic_frame(output, size, config).segment_map
        np.testing.assert_array_equal(picture_of(result), expected)


@pytest.mark.parametrize("task", ["panoptic", "semantic"])
async def test_welcome_and_models_name_the_task_things_and_stuff(request, task):
    live = request.getfixturevalue(f"{task}_server")
    async with raw_client(live.ws_url) as client:
        welcome = await client.hello()
    (model,) = json.loads(live.get("/v1/models"))["models"]
    card = json.loads(live.get("/v1/models/tiny"))
    assert [each["task"] for each in (welcome["model"], model, card)] == [task] * 3
    assert [info["thing"] for info in card["classes"]] == [True, False, False]
