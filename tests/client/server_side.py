"""What a server says, made by hand: for tests of the client."""

import numpy as np

from maskstream_protocol import notices
from maskstream_protocol.frames import UNKNOWN_TIME
from maskstream_protocol.records import MaskCodec, ObjectRecord, Status
from maskstream_protocol.results import ResultMessage
from support.masks import encode_masks

MODEL = notices.ModelInfo("demo", "instances", "f" * 16, "/v1/models/demo")
LIMITS = notices.Limits(frame_bytes=1 << 20, frame_pixels=1 << 22, tracks=100)


def welcome(*, frames=8, num_bytes=1 << 20, epoch=1, resumed=False, next_sequence=1, token="token"):
    return notices.Welcome(
        session="s1",
        epoch=epoch,
        resumed=resumed,
        next_sequence=next_sequence,
        credit=notices.FrameCredit(frames, num_bytes),
        heartbeat_ms=10_000,
        idle_ms=30_000,
        resume_token=token,
        resume_ttl_ms=120_000,
        model=MODEL,
        limits=LIMITS,
    )


def result(
    sequence, *, epoch=1, objects=(), masks=None, durable=False, size=(6, 8), pts_us=UNKNOWN_TIME
):
    """The result of a frame; `objects` are (track_id, class_id, status), with a mask each."""
    masks = np.zeros((len(objects), *size), bool) if masks is None else masks
    encoded = encode_masks(masks, MaskCodec.RLE)
    records = [
        ObjectRecord(track_id, class_id, 60_000, 1, status, mask=span)
        for (track_id, class_id, status), span in zip(objects, encoded.spans, strict=True)
    ]
    return ResultMessage(
        sequence=sequence,
        epoch=epoch,
        mask_size=masks.shape[1:],
        objects=tuple(records),
        blob=encoded.blob,
        mask_codec=MaskCodec.RLE,
        durable=durable,
        pts_us=pts_us,
    )


def square(x0, y0, x1, y1, size=(6, 8)):
    """(1, h, w): one mask that is a rectangle."""
    mask = np.zeros((1, *size), bool)
    mask[0, y0:y1, x0:x1] = True
    return mask


TRACKED, EMERGED = Status.TRACKED, Status.EMERGED
MISSED, DISAPPEARED = Status.MISSED, Status.DISAPPEARED
