"""`maskstream bench units`: bytes of a stream as pictures and as units, and the masks of both.

`iou` compares the masks of the shown tracks with those of the lossless frames, summed over all
frames: each track with the one that overlaps it most, so that a changed identity counts as wrong,
and so does a track that is shown on other frames. `mask_iou` looks at those pairs alone, on frames
where both are shown.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, Final, get_args

import click
import numpy as np
import numpy.typing as npt

from maskstream_bench.command import subject, video_argument
from maskstream_bench.pictures import first_frames, parse_size
from maskstream_bench.report import Measured, Run, ratios
from maskstream_client.pictures import PacketCodec, encode_picture
from maskstream_client.unit_stream import UnitStream
from maskstream_client.video import VideoFrame, VideoReader
from maskstream_media.unit_decoder import UnitDecoder
from maskstream_model.aliases import Frame
from maskstream_model.port import FrameResult, Model
from maskstream_model.video import segment_video
from maskstream_protocol.frames import FrameCodec
from maskstream_server.command_options import MODEL_OPTIONS, run_with_settings, setting_options
from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.models import load
from maskstream_server.pictures.decoding import decode
from maskstream_server.pictures.limits import PictureLimits

_CODECS: Final[tuple[PacketCodec, ...]] = get_args(PacketCodec)
_MAX_PIXELS: Final = 1 << 26
_LIMITS: Final = PictureLimits(_MAX_PIXELS, 1 << 15, 1 << 27, 60.0, 1 << 34)
Masks = dict[int, npt.NDArray[np.bool_]]
"""Shown tracks of one frame: id to mask (H, W)."""


@subject
@video_argument(required=True)
@click.option("--frames", type=click.IntRange(1), default=100, show_default=True)
@click.option("--size", help="Resize the frames first, as 1280x720.")
@click.option("--quality", type=click.IntRange(1, 100), multiple=True, default=(90,))
@setting_options(*MODEL_OPTIONS)
def units(
    video: Path, frames: int, size: str | None, quality: tuple[int, ...], **options: Any
) -> Measured:
    """Encode VIDEO as JPEG and by each video codec: bytes a frame, and the masks of what comes."""

    def measure(settings: Settings) -> Measured:
        model = load(settings).live
        with VideoReader(video) as reader:
            rate = reader.rate
        lossless = first_frames(video, frames, parse_size(size) if size else None)
        truth = shown_masks(model, lossless)
        runs: dict[str, Run] = {}
        for each in quality:
            for codec in (None, *_CODECS):
                num_bytes, seen = _sent(codec, lossless, each, rate)
                iou, mask_iou = overlap(truth, shown_masks(model, seen))
                runs[f"{codec or 'jpeg'} {each}"] = {
                    "frame_bytes": num_bytes,
                    "iou": round(iou, 4),
                    "mask_iou": round(mask_iou, 4),
                }
        first, *others = runs
        return Measured(runs, ratios(runs, "frame_bytes", *((first, each) for each in others)))

    return run_with_settings(measure, {"log_level": "error", **options})


def _sent(
    codec: PacketCodec | None, frames: Sequence[Frame], quality: int, rate: Fraction
) -> tuple[int, list[Frame]]:
    """Return bytes a frame, and what a server sees; JPEG without a codec."""
    if codec is None:
        payloads = [encode_picture(frame, "jpeg", quality).payload for frame in frames]
        pictures = [_array(*decode(FrameCodec.JPEG, payload, _LIMITS)) for payload in payloads]
        return sum(map(len, payloads)) // len(payloads), pictures
    stream = UnitStream(codec, quality, lambda: 0.0)
    decoder = UnitDecoder(_MAX_PIXELS, _LIMITS.max_side_px)
    decoder.begin(codec)
    num_bytes, seen = 0, []
    for number, frame in enumerate(frames):
        payload = stream.picture(VideoFrame(frame, float(number / rate)), False).payload
        shown = decoder.decode(payload)
        num_bytes += len(payload)
        seen.append(_array((shown.height, shown.width), decoder.rgb(shown)))
    stream.close()
    return num_bytes // len(frames), seen


def _array(size: tuple[int, int], data: bytes | memoryview[int]) -> Frame:
    return np.frombuffer(data, np.uint8).reshape(*size, 3)


def shown_masks(model: Model[Any], frames: Sequence[Frame]) -> list[Masks]:
    """Return the masks of the tracks that reach the score from which a model's are drawn."""
    return [_masks(result, model.info.show_score_min) for result in segment_video(model, frames)]


def _masks(result: FrameResult, score_min: float) -> Masks:
    rows = np.flatnonzero(result.tracks.scores >= score_min)
    crops = result.masks.crops(rows, result.size)
    masks = {}
    for row, (x0, y0, x1, y1), bitmap in zip(rows, crops.boxes, crops.bitmaps, strict=True):
        mask = np.zeros(result.size, np.bool_)
        mask[y0:y1, x0:x1] = bitmap
        masks[int(result.tracks.track_ids[row])] = mask
    return masks


def overlap(truth: Sequence[Masks], found: Sequence[Masks]) -> tuple[float, float]:
    """Return the IoU of tracks of the same frames, and that of their pairs; 1 where there is none.

    A pair counts for the second on those frames where both are shown.
    """
    common: Counter[tuple[int, int]] = Counter()
    joint: Counter[tuple[int, int]] = Counter()
    for one, other in zip(truth, found, strict=True):
        for (true_id, mask), (found_id, seen) in product(one.items(), other.items()):
            common[true_id, found_id] += int(np.count_nonzero(mask & seen))
            joint[true_id, found_id] += int(np.count_nonzero(mask | seen))
    pairs = _pairs(common)
    matched, united = sum(common[each] for each in pairs), sum(joint[each] for each in pairs)
    areas = sum(int(mask.sum()) for each in (*truth, *found) for mask in each.values())
    return matched / (areas - matched) if areas else 1.0, matched / united if united else 1.0


def _pairs(common: Counter[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return each track of either side at most once, those that overlap most first."""
    pairs: dict[int, int] = {}
    for (true_id, found_id), _ in common.most_common():
        if true_id not in pairs and found_id not in pairs.values():
            pairs[true_id] = found_id
    return list(pairs.items())
