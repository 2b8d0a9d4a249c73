"""Make one annotated clip of several: a camera that turns from one scene to the next, and back.

    python scripts/interleave_clips.py annotated.json turning.json --rounds 2

Every object of a scene leaves when the camera turns away and comes back with its scene, whose clip
then begins anew: what `maskstream eval --data turning.json` says of objects that returned is about
absences as long as the other clips. Clips are of one size; pictures stay where they are.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

TRACKS = ("segmentations", "areas", "bboxes")
"""What annotations have once a frame."""


def main() -> None:
    """Read a file in the form of YouTube-VIS, and write another one beside it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, help="in the folder of --data, as pictures are")
    parser.add_argument("--rounds", type=int, default=2, help="how often each scene is seen")
    given = parser.parse_args()
    content = json.loads(given.data.read_text())
    if len({(video["height"], video["width"]) for video in content["videos"]}) != 1:
        sys.exit("the clips have different sizes")
    given.out.write_text(json.dumps(interleaved(content, given.rounds)))


def interleaved(content: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Return annotations of one clip, in which all clips are shown in turns."""
    videos = content["videos"]
    names = [name for video in videos for name in video["file_names"]] * rounds
    first = videos[0] | {"file_names": names, "length": len(names)}
    lengths = [len(video["file_names"]) for video in videos]
    starts = {video["id"]: sum(lengths[:index]) for index, video in enumerate(videos)}
    annotations = [
        annotation
        | {"video_id": first["id"]}
        | {
            track: _padded(annotation[track], starts[annotation["video_id"]], sum(lengths)) * rounds
            for track in TRACKS
            if track in annotation
        }
        for annotation in content["annotations"]
    ]
    return content | {"videos": [first], "annotations": annotations}


def _padded(values: list[Any], start: int, length: int) -> list[Any]:
    """Return what an annotation has on each frame of a round."""
    return [None] * start + values + [None] * (length - start - len(values))


if __name__ == "__main__":
    main()
