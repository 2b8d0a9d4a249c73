"""Count the shown tracks of a clip, where it is known how many of which name are to be seen.

    python scripts/clip_tracks.py dog.webm --name dog --span 0-66=1 --span 114-179=1
    python scripts/clip_tracks.py room.avi --span 143-164=0
    python scripts/clip_tracks.py cars.mp4 --frames FOLDER      # for maskstream eval --truth

A track is shown from the first frame on where its score reaches the model's `show_score_min`.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from maskstream_client.video import VideoReader
from maskstream_model import load_model
from maskstream_model.port import TrackStatus
from maskstream_train.evaluation.evaluate import stream
from maskstream_train.evaluation.records import TrackFrame


@dataclass(frozen=True)
class Span:
    """Frames `first` to `last`, on which `count` objects are to be seen."""

    first: int
    last: int
    count: int

    @classmethod
    def read(cls, text: str) -> "Span":
        """Read `FIRST-LAST=COUNT`."""
        frames, _, count = text.partition("=")
        first, _, last = frames.partition("-")
        return cls(int(first), int(last), int(count))


def main() -> None:
    """Count, or write frames."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", default="demo", help="preset or model folder")
    parser.add_argument("--weights", help="weight file")
    parser.add_argument("--name", help="class to count; all where left out")
    parser.add_argument("--span", type=Span.read, action="append", default=[])
    parser.add_argument("--frames", type=Path, help="write the frames here, and nothing else")
    given = parser.parse_args()
    if given.frames is not None:
        write_frames(given.clip, given.frames)
        return
    model = load_model(given.model, given.weights)
    names = [item.name for item in model.info.classes or ()]
    if given.name is not None and given.name not in names:
        sys.exit(f"{given.model} has no class {given.name}")
    label = None if given.name is None else names.index(given.name)
    with VideoReader(given.clip) as video:
        tracks = stream(model, (frame.pixels for frame in video))
        shown = [set(ids) for ids in shown_ids(tracks, model.info.show_score_min, label)]
    for span in given.span:
        print(json.dumps(figures(shown, span)))


def write_frames(clip: Path, folder: Path) -> None:
    """Write the frames of a clip as PNG, by number."""
    folder.mkdir(parents=True, exist_ok=True)
    with VideoReader(clip) as video:
        for number, frame in enumerate(video):
            Image.fromarray(frame.pixels).save(folder / f"{number:05d}.png")


def shown_ids(
    frames: Iterable[TrackFrame], score_min: float, label: int | None
) -> Iterator[list[int]]:
    """Yield the ids of the tracks that are shown on each frame as class `label`, or as any."""
    shown: set[int] = set()
    for frame in frames:
        ids = frame.track_ids
        shown |= set(ids[frame.scores >= score_min].tolist())
        here = np.isin(ids, list(shown))
        here &= np.isin(frame.status, [TrackStatus.EMERGED, TrackStatus.TRACKED])
        if label is not None:
            here &= frame.class_scores.argmax(axis=1) == label
        yield ids[here].tolist()


def figures(shown: Sequence[set[int]], span: Span) -> dict[str, float]:
    """Return how a span of frames was seen.

    `exact` is the share of frames with as many tracks as there are objects, `found` the mean share
    of the objects that have one, `tracks` the number of different tracks.
    """
    frames = shown[span.first : span.last + 1]
    counts = np.array([len(ids) for ids in frames])
    found = np.minimum(counts, span.count) / span.count if span.count else counts == 0
    return {
        "first": span.first,
        "last": span.last,
        "objects": span.count,
        "exact": round(float((counts == span.count).mean()), 3),
        "found": round(float(found.mean()), 3),
        "tracks": len(set().union(*frames)),
    }


if __name__ == "__main__":
    main()
