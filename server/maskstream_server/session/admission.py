"""Whether a frame is accepted; the order of the checks is that of docs/protocol.md 7. Pure.

The order: epoch, sequence, credit, size, codec; the header before, decoding after.
"""

from dataclasses import dataclass
from typing import Final

from maskstream_protocol import messages
from maskstream_protocol.errors import (
    BadMessageError,
    CodecUnsupportedError,
    CreditExceededError,
    FrameTooLargeError,
    SequenceGapError,
    StaleEpochError,
)
from maskstream_protocol.frames import FrameCodec, FrameMessage
from maskstream_protocol.messages import Policy
from maskstream_server.session.credit import CreditLedger, CreditLimit

MAX_TEXT_CHARS: Final = 1 << 16
MAX_SIDE_PX: Final = 32767
"""Polygons travel as signed 16-bit pixels, whatever the limit of pixels is."""


@dataclass(frozen=True)
class Terms:
    """What `hello` and `welcome` have answered for a connection.

    Attributes:
        policy: `lossless` or `latest`.
        codecs: codecs that both sides know.
        credit: what may be on the way at once.
        max_frame_bytes: limit of a whole frame message; over twice of it the connection closes.
        max_frame_pixels: limit of a picture.
        messages_per_s: control messages that it may send in each second in the long run; after a
            quiet time twice as many at once.
        max_tracks: limit of tracks alive, None for none.
        takes_prompts: whether the model takes texts that name objects to segment.
        lookahead: further frames that a final result may wait for.
    """

    policy: Policy
    codecs: frozenset[FrameCodec]
    credit: CreditLimit
    max_frame_bytes: int
    max_frame_pixels: int
    messages_per_s: float
    max_tracks: int | None = None
    takes_prompts: bool = False
    lookahead: int = 0


def agreed_codecs(offered: tuple[str, ...], packets: bool = True) -> frozenset[FrameCodec]:
    """Return the codecs of `hello` that this server decodes; `packets`: those of videos, too.

    Raises:
        CodecUnsupportedError: there is none; the connection closes with 4415.
    """
    known = [codec for codec in FrameCodec if packets or not codec.is_packet]
    agreed = frozenset(codec for codec in known if codec.wire_name in offered)
    if not agreed:
        names = ", ".join(codec.wire_name for codec in known)
        raise CodecUnsupportedError(f"This server decodes {names}; hello offers none of them.")
    return agreed


def check_place(frame: FrameMessage, epoch: int, expected: int) -> None:
    """Check that the frame belongs to this epoch and is the next one.

    Raises:
        StaleEpochError: another epoch.
        SequenceGapError: another sequence; carries the expected one.
    """
    _check_epoch(frame, epoch)
    if frame.sequence != expected:
        raise SequenceGapError(
            f"Frame {frame.sequence} came where {expected} was expected.",
            sequence=frame.sequence,
            expected=expected,
        )


class LeadIn:
    """The units that come for the decoder only: one after the other, before the first frame.

    Args:
        first: the sequence at which the connection continues its session.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._latest: int | None = None

    def check_place(self, unit: FrameMessage, epoch: int, expected: int) -> None:
        """Check a unit, and remember it; `expected` is the next frame.

        Raises:
            StaleEpochError: another epoch.
            SequenceGapError: it is not below the first frame, follows no other, or is too late.
        """
        _check_epoch(unit, epoch)
        follows = self._latest is None or unit.sequence == self._latest + 1
        if not (follows and unit.sequence < expected == self._first):
            raise SequenceGapError(
                f"Unit {unit.sequence} for the decoder only came where {expected} was expected.",
                sequence=unit.sequence,
                expected=expected,
            )
        self._latest = unit.sequence


def _check_epoch(frame: FrameMessage, epoch: int) -> None:
    if frame.epoch != epoch:
        raise StaleEpochError(
            f"The frame names epoch {frame.epoch}; the current one is {epoch}.",
            sequence=frame.sequence,
        )


def check_credit(ledger: CreditLedger, frame: FrameMessage, num_bytes: int) -> None:
    """Count the frame's credit.

    Raises:
        CreditExceededError: there is none left for it.
    """
    if not ledger.spend(num_bytes):
        raise CreditExceededError(
            "The frame is beyond the credit; wait for more.", sequence=frame.sequence
        )


def check_content(frame: FrameMessage, num_bytes: int, terms: Terms) -> None:
    """Check size and codec as far as the message's own header says.

    Raises:
        FrameTooLargeError: too many bytes, or the header declares too many pixels.
        CodecUnsupportedError: a codec that was not agreed.
    """
    if num_bytes > terms.max_frame_bytes:
        raise FrameTooLargeError(
            f"The frame has {num_bytes} bytes; the limit is {terms.max_frame_bytes}."
        )
    check_pixels(frame.height, frame.width, terms.max_frame_pixels)
    if frame.codec not in terms.codecs:
        raise CodecUnsupportedError(f"Codec {frame.codec} was not agreed in hello.")
    if frame.decoder_only and not frame.is_unit:
        raise CodecUnsupportedError("Frames of a picture codec are never for the decoder only.")


def check_pixels(height: int, width: int, max_frame_pixels: int) -> None:
    """Check a picture's size before it is decoded.

    Raises:
        FrameTooLargeError: more pixels than the limit, or a side that the wire cannot express.
    """
    if max(height, width) > MAX_SIDE_PX:
        raise FrameTooLargeError(
            f"The picture has {width} x {height} pixels; the limit of a side is {MAX_SIDE_PX}."
        )
    if height * width > max_frame_pixels:
        raise FrameTooLargeError(
            f"The picture has {width} x {height} pixels; the limit is {max_frame_pixels}."
        )


def parse_text(text: str) -> messages.ClientMessage | None:
    """Read a control message; None for a type that is not known.

    Raises:
        BadMessageError: it is too long, or not what the protocol says.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise BadMessageError(f"A control message has at most {MAX_TEXT_CHARS} characters.")
    return messages.parse_client_message(text)
