"""Compressed packets to frames, with a count of what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream


@dataclass
class Damage:
    """What is known of a file's faults while it is read.

    Attributes:
        packets: compressed frames met, those that an edit list leaves out with them.
        lost_packets: of these that did not decode.
        faulty_frames: decoded, but marked as damaged.
        broken_off: the file ended in an error.
        resized: frames of another size than the one that is shown.
    """

    packets: int = 0
    lost_packets: int = 0
    faulty_frames: int = 0
    broken_off: bool = False
    resized: int = 0

    def warning(self, announced: int | None, num_frames: int) -> str | None:
        """Return a note on damage for the sender of the video; None: no damage.

        Args:
            announced: frames in the file's header; None where it does not say.
            num_frames: frames decoded.
        """
        sentences = []
        if announced is not None and self.packets < announced:
            sentences.append(
                f"The file is cut off: it announces {announced} frames, {num_frames} could be read."
            )
        elif self.lost_packets or self.broken_off:
            sentences.append(
                f"The file is damaged: {num_frames} frames could be read, "
                f"{self.lost_packets} could not."
            )
        elif self.faulty_frames:
            sentences.append(f"The file is damaged: {self.faulty_frames} frames show faults.")
        if self.resized:
            sentences.append(
                f"{self.resized} frames had another size than the largest and were scaled into it."
            )
        return " ".join(sentences) or None


def decoded(
    container: InputContainer,
    stream: Stream,
    damage: Damage,
    stopped: Callable[[], bool] = lambda: False,
    met: Callable[[Packet[Any], list[Any]], None] = lambda packet, frames: None,
) -> Iterator[Any]:
    """Yield every frame of a stream that decodes, in the order in which they are shown.

    Damaged packets are left out; a file that ends in an error ends early, one that is stopped
    after the packet that is being read. `met` is called with each packet and its frames.

    Raises:
        MemoryError: the decoder needs more than it may have.
    """
    for packet in _packets(container, stream, damage):
        frames = _frames(packet, damage)
        met(packet, frames)
        for frame in frames:
            damage.faulty_frames += frame.is_corrupt
            yield frame
        if stopped():
            return


def _packets(container: InputContainer, stream: Stream, damage: Damage) -> Iterator[Packet[Any]]:
    """Yield the packets, then an empty one that fetches the decoder's last frames."""
    try:
        for packet in container.demux(stream):
            damage.packets += packet.size > 0
            yield packet
    except MemoryError:
        raise
    except av.FFmpegError:
        damage.broken_off = True
        last: Packet[Any] = Packet()
        last.stream = stream
        yield last


def _frames(packet: Packet[Any], damage: Damage) -> list[Any]:
    try:
        return list(packet.decode())
    except MemoryError:
        raise
    except av.FFmpegError:
        _check_memory(packet.stream)
        damage.lost_packets += packet.size > 0
        return []


def _check_memory(stream: Stream) -> None:
    """Raise MemoryError where no further frame fits: some decoders report that as bad data."""
    if isinstance(stream, av.VideoStream):
        bytearray(2 * stream.width * stream.height)
