"""Plain samples to AAC beside a growing video."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import Final

import av
import numpy as np
from av.container import OutputContainer

from maskstream_server.errors import MediaError
from maskstream_server.media.messages import SOUND_CHANNELS, SOUND_RATE
from maskstream_server.media.soundtrack import Samples, SoundPiece

_BITS_PER_S: Final = 128_000
_TOLERANCE: Final = SOUND_RATE // 20
"""Samples by which a time stamp may be wrong before anything is filled or cut."""
_LEFT_OUT: Final = "The sound is left out."


def continuous(pieces: Iterable[SoundPiece]) -> Iterator[Samples]:
    """Yield the sound from 0 s on without holes: gaps become silence, overlaps are cut.

    Silence comes a second at a time, since a file may claim hours of it.
    """
    position = 0
    for piece in pieces:
        early = round(piece.time_s * SOUND_RATE) - position
        samples = piece.samples
        if early < -_TOLERANCE:
            samples = samples[-early:]
        while early > _TOLERANCE:
            silence = np.zeros((min(early, SOUND_RATE), SOUND_CHANNELS), np.int16)
            early -= len(silence)
            position += len(silence)
            yield silence
        position += len(samples)
        if len(samples):
            yield samples


class SoundWriter:
    """The sound stream of a file that is being written.

    Args:
        container: to write to; it gets a stream only where there is sound.
        pieces: of the source; read only as far as the video has got.
        expected: the source says that it has sound.

    Attributes:
        warning: what became of the sound; None: it is whole.
    """

    def __init__(
        self, container: OutputContainer, pieces: Iterable[SoundPiece], *, expected: bool = False
    ) -> None:
        self.warning: str | None = None
        self._container = container
        self._num_samples = 0
        self._samples = continuous(pieces)
        first = self._next()
        self._ended = first is None
        if first is None and expected and self.warning is None:
            self.warning = f"{_LEFT_OUT} None of it can be decoded."
        if first is not None:
            self._samples = chain([first], self._samples)
            self._stream = container.add_stream("aac", rate=SOUND_RATE, layout="stereo")
            self._stream.bit_rate = _BITS_PER_S

    def write_until(self, time_s: float) -> None:
        """Write the sound before a time."""
        while not self._ended and self._num_samples < time_s * SOUND_RATE:
            samples = self._next()
            if samples is None:
                self._ended = True
            else:
                self._encode(samples)

    def finish(self, end_s: float) -> None:
        """Write the rest of the sound before the video's end."""
        self.write_until(end_s)
        if self._num_samples:
            self._container.mux(self._stream.encode())

    def _next(self) -> Samples | None:
        try:
            return next(self._samples, None)
        except MediaError as error:
            self.warning = "The sound could not be read to its end."
            if not self._num_samples:
                self.warning = f"{_LEFT_OUT} {error.message}"
            return None

    def _encode(self, samples: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = SOUND_RATE
        frame.time_base = Fraction(1, SOUND_RATE)
        frame.pts = self._num_samples
        self._num_samples += len(samples)
        self._container.mux(self._stream.encode(frame))
