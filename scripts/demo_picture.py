"""Writes docs/images/demo.jpg: six frames of the video that `make demo` leaves.

make demo && .venv/bin/python scripts/demo_picture.py demo-out/annotated.mp4
"""

import sys
from pathlib import Path

from PIL import Image

from maskstream_client.video import VideoReader

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "demo.jpg"
FRAMES = (10, 22, 34, 46, 68, 104)
"""Of `examples/cars.mp4`: one car comes, another, they pass, a third, it is alone, a fourth."""
COLUMNS = 3
SIZE = (480, 270)
JPEG_QUALITY = 82


def main() -> None:
    """Lay the frames out in rows, and write them."""
    with VideoReader(sys.argv[1]) as video:
        frames = [frame.pixels for number, frame in enumerate(video) if number in FRAMES]
    width, height = SIZE
    sheet = Image.new("RGB", (width * COLUMNS, height * (len(FRAMES) // COLUMNS)))
    for place, pixels in enumerate(frames):
        row, column = divmod(place, COLUMNS)
        scaled = Image.fromarray(pixels).resize(SIZE, Image.Resampling.LANCZOS)
        sheet.paste(scaled, (column * width, row * height))
    sheet.save(PICTURE, quality=JPEG_QUALITY, optimize=True)


if __name__ == "__main__":
    main()
