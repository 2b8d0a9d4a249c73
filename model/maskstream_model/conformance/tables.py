"""Laws of results: facts of the model, tables of tracks, lasting ids, masks."""

import numpy as np

from maskstream_model.conformance.case import Case, full_masks, require
from maskstream_model.port import FrameResult, TrackStatus, TrackTable

STATUSES = [int(status) for status in TrackStatus]


def the_info_is_whole(case: Case) -> None:
    """Facts that clients read, the same of every model of these weights."""
    info = case.model.info
    require(case.load().info == info, "two models of the same weights have different facts")
    require(info.name and info.family and info.fingerprint, "name, family or fingerprint is empty")
    require(info.classes is None or len(info.classes) > 0, "there are no classes")
    require(info.classes is not None or info.prompts != "never", "neither classes nor prompts")
    require(info.lookahead is None or info.lookahead >= 0, "the lookahead is negative")
    for score in (info.report_score_min, info.show_score_min):
        require(0 <= score <= 1, f"a score of {score}")
    height, width = case.frames[0].shape[:2]
    hash(case.model.batch_key(height, width))
    for most in (1, 8):
        count = case.model.clip_frames(height, width, most)
        require(1 <= count <= most, f"clips of {count} frames where {most} are the most")


def tables_are_well_formed(case: Case) -> None:
    """Types, shapes and ranges of every column."""
    classes = None if case.options.prompts else case.model.info.classes
    for result in case.results:
        _check_table(result.tracks, classes)
        require(result.size == case.frames[0].shape[:2], f"a frame of size {result.size}")


def ids_are_given_once(case: Case) -> None:
    """A track emerges once, is listed until it disappears, and its id never comes again."""
    alive, ended, births = set[int](), set[int](), dict[int, int]()
    finals = [each for each in case.results if each.final]
    for result in finals:
        table = result.tracks
        listed = dict(zip(table.track_ids.tolist(), table.status.tolist(), strict=True))
        where = f"frame {result.index}"
        require(not ended & set(listed), f"{where}: {ended & set(listed)} came back")
        require(alive <= set(listed), f"{where}: {alive - set(listed)} left without a word")
        new = {each for each, status in listed.items() if status == TrackStatus.EMERGED}
        require(
            new == set(listed) - alive, f"{where}: {new} emerged, {set(listed) - alive} are new"
        )
        for track_id, age in zip(table.track_ids.tolist(), table.ages.tolist(), strict=True):
            birth = births.setdefault(track_id, result.index)
            require(age == result.index - birth + 1, f"{where}: track {track_id} has age {age}")
        gone = {each for each, status in listed.items() if status == TrackStatus.DISAPPEARED}
        alive, ended = set(listed) - gone, ended | gone
    require(births, "no track was found on the frames of the case")


def crops_agree_with_whole_masks(case: Case) -> None:
    """Boxes are tight, areas count pixels, and rows may be asked for one by one."""
    for result in case.results:
        rows = np.arange(len(result.tracks.track_ids))
        height, width = result.size
        for size in (result.size, (-(-height // 2), -(-width // 2))):
            _check_crops(result, size)
        masks = full_masks(result, rows)
        if case.model.info.task in ("panoptic", "semantic"):
            require((masks.sum(0) <= 1).all(), f"frame {result.index}: masks overlap")
            continue
        for row in rows:
            alone = full_masks(result, rows[row : row + 1])[0]
            same = np.array_equal(alone, masks[row])
            require(same, f"frame {result.index}: row {row} differs when it is asked for alone")


def _check_table(table: TrackTable, classes: tuple[object, ...] | None) -> None:
    count = len(table.track_ids)
    types = {"track_ids": "i8", "labels": "i8", "scores": "f4", "status": "i8", "ages": "i8"}
    for name, kind in {**types, "things": "?", "mentionable": "?"}.items():
        column = getattr(table, name)
        fits = column.shape == (count,) and column.dtype == np.dtype(kind)
        require(fits, f"{name} is {column.dtype} {column.shape} of {count} tracks")
    require(len(set(table.track_ids.tolist())) == count, "a track is listed twice")
    require((table.track_ids >= 1).all(), "an id is below 1")
    require(((table.scores >= 0) & (table.scores <= 1)).all(), "a score is not between 0 and 1")
    require(np.isin(table.status, STATUSES).all(), "a status is unknown")
    require((table.labels >= 0).all(), "a label is negative")
    require(classes is None or (table.labels < len(classes or ())).all(), "a label has no class")


def _check_crops(result: FrameResult, size: tuple[int, int]) -> None:
    rows = np.arange(len(result.tracks.track_ids))
    where = f"frame {result.index} at {size}"
    crops = result.masks.crops(rows, size, with_logits=True)
    require(crops.size == size, f"{where}: crops of {crops.size}")
    require(crops.boxes.shape == (len(rows), 4), f"{where}: boxes {crops.boxes.shape}")
    logits = crops.logits or ()
    require(len(logits) == len(crops.bitmaps) == len(rows), f"{where}: crops are missing")
    for box, area, bitmap, values in zip(
        crops.boxes.tolist(), crops.areas.tolist(), crops.bitmaps, logits, strict=True
    ):
        x0, y0, x1, y1 = box
        require(0 <= x0 <= x1 <= size[1] and 0 <= y0 <= y1 <= size[0], f"{where}: box {box}")
        require(area == bitmap.sum(), f"{where}: area {area} of {bitmap.sum()} pixels")
        if not area:
            require(box == [0, 0, 0, 0] and not bitmap.size, f"{where}: an empty mask in {box}")
            continue
        require(bitmap.shape == (y1 - y0, x1 - x0) == values.shape, f"{where}: {bitmap.shape}")
        edges = (bitmap[0], bitmap[-1], bitmap[:, 0], bitmap[:, -1])
        require(all(edge.any() for edge in edges), f"{where}: box {box} is not tight")


TABLE_LAWS = (
    the_info_is_whole,
    tables_are_well_formed,
    ids_are_given_once,
    crops_agree_with_whole_masks,
)
