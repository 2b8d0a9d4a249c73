"""Writes a video in which people cannot be recognised.

    python examples/events/blur_people.py street.mp4 blurred.mp4

Masks are blurred with a margin, also those of people whom the model misses on a frame and the
tracker still follows. What the model has never seen as a person stays
as it is: look through what you publish.
"""

import argparse

import numpy as np
from PIL import Image, ImageFilter

from maskstream_client import Result, connect
from maskstream_client.video_writer import VideoWriter


def blurred(frame: np.ndarray, result: Result, name: str, margin: int) -> np.ndarray:
    """Return a frame (H, W, 3) whose objects of a class are blurred, with so many pixels around."""
    hidden = np.zeros(frame.shape[:2], bool)
    for item in result.objects:
        if item.label == name and item.has_mask:
            hidden |= item.mask()
    if not hidden.any():
        return frame
    around = ImageFilter.MaxFilter(2 * margin + 1)
    mask = Image.fromarray(np.where(hidden, 255, 0).astype(np.uint8)).filter(around)
    picture = Image.fromarray(frame)
    strong = picture.filter(ImageFilter.GaussianBlur(max(frame.shape[:2]) / 20))
    return np.array(Image.composite(strong, picture, mask))


def main() -> None:
    """Blur a video."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", help="a video")
    parser.add_argument("out", help="an MP4 to write")
    parser.add_argument("--url", default="ws://127.0.0.1:8000", help="of the server")
    parser.add_argument("--class", dest="name", default="person", help="who is blurred")
    parser.add_argument("--margin", type=int, default=8, help="pixels around a mask")
    asked = parser.parse_args()
    options = {"classes": [asked.name], "min_score": 0.1}  # rather one too many
    with connect(asked.url, **options) as client, VideoWriter(asked.out) as writer:
        for frame, result in client.stream(asked.source):
            writer.write(blurred(frame, result, asked.name, asked.margin), result.pts_s)


if __name__ == "__main__":
    main()
