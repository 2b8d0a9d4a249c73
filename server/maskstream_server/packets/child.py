"""The process that decodes units: `python -m maskstream_server.packets.child LIMITS`."""

import sys
from functools import partial

from maskstream_media.unit_decoder import UnitDecoder, UnitError, UnitTooLargeError
from maskstream_protocol.frames import FrameCodec
from maskstream_server.pictures.answering import answer_requests
from maskstream_server.pictures.limits import PictureLimits
from maskstream_server.pictures.messages import Asked
from maskstream_server.pictures.refusal import Size, TooLargeError, UndecodableError


def main() -> None:
    """Decode one unit after the other."""
    limits = PictureLimits.decode(sys.argv[1])
    answer_requests(limits, partial(_decode, UnitDecoder(limits.max_pixels, limits.max_side_px)))


def _decode(
    decoder: UnitDecoder, codec: FrameCodec, asked: Asked, payload: bytes
) -> tuple[Size, bytes]:
    if Asked.BEGINS in asked:
        decoder.begin(codec.wire_name)
    try:
        frame = decoder.decode(payload)
    except UnitTooLargeError as error:
        raise TooLargeError(error.size) from error
    except UnitError as error:
        raise UndecodableError(str(error)) from error
    return (frame.height, frame.width), b"" if Asked.UNSEEN in asked else decoder.rgb(frame)


if __name__ == "__main__":
    main()
