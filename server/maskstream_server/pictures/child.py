"""The process that decodes pictures: `python -m maskstream_server.pictures.child LIMITS`."""

import sys

from PIL import Image

from maskstream_server.pictures.answering import answer_requests
from maskstream_server.pictures.decoding import decode
from maskstream_server.pictures.limits import PictureLimits


def main() -> None:
    """Decode one picture after the other."""
    limits = PictureLimits.decode(sys.argv[1])
    # Our own limit is checked in the picture's header.
    Image.MAX_IMAGE_PIXELS = None
    answer_requests(limits, lambda codec, _, payload: decode(codec, payload, limits))


if __name__ == "__main__":
    main()
