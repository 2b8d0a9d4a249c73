"""Writes docs/demo-model-pictures.md: source and licence of each picture that `demo` learns from.

    python scripts/credit_pictures.py demo.zip SHARED/coco_free/instances.json

The first file is what `scripts/pack_demo.py` wrote, the second has COCO's numbers of its pictures.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from maskstream_train.data.packed import PackedPicture, PackedPictures
from maskstream_train.data.reading import read_json

PAGE = Path(__file__).resolve().parents[1] / "docs" / "demo-model-pictures.md"
HEAD = """# Pictures of the demo model

Made by `scripts/credit_pictures.py` from the file of real pictures that `scripts/pack_demo.py`
packs for the training of [the demo model](demo-model.md). Pictures of COCO were scaled to at most
448 pixels by those who gathered them; training crops, scales, mirrors, blurs and recolours all
pictures, and pastes parts of some into others. None of them is part of the weight file.
"""
COCO_NOTE = """
## Pictures of COCO 2017

COCO names no authors: the picture's page at Flickr does, with its title. *File* is what COCO took;
the number in front is COCO's. Annotations: COCO Consortium, CC BY 4.0.
"""
FLICKR_PAGE = "https://www.flickr.com/photo.gne?id="
LICENSES = {
    "Attribution License": "[CC BY 2.0](https://creativecommons.org/licenses/by/2.0/)",
    "Attribution-ShareAlike License": "[CC BY-SA 2.0](https://creativecommons.org/licenses/by-sa/2.0/)",
    "No known copyright restrictions": "[no known copyright restrictions](https://www.flickr.com/commons/usage/)",
    "CC BY 4.0": "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)",
}


def main() -> None:
    """Read both files, write the page."""
    pack, annotations = map(Path, sys.argv[1:3])
    numbers = {item["flickr_url"]: int(item["id"]) for item in read_json(annotations)["images"]}
    PAGE.write_text("\n".join(page(PackedPictures(pack).pictures, numbers)) + "\n")


def page(pictures: Sequence[PackedPicture], numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        pictures: all of the file.
        numbers: COCO's number of a picture by its address.
    """
    yield HEAD
    yield from totals(pictures)
    stills = sorted(
        (one for one in pictures if one.url), key=lambda one: (one.license, numbers[one.url])
    )
    yield from videos([one for one in pictures if not one.url])
    yield COCO_NOTE.rstrip()
    for license_name, group in groupby(stills, key=lambda one: one.license):
        yield f"\n### {LICENSES.get(license_name, license_name)}\n"
        yield from (f"- {credit(one.url, numbers[one.url])}" for one in group)


def totals(pictures: Sequence[PackedPicture]) -> Iterator[str]:
    """Yield a table of the sources."""
    yield "| source | licence | pictures |"
    yield "|---|---|---|"
    for (source, name), count in sorted(Counter((p.source, p.license) for p in pictures).items()):
        yield f"| {source} | {LICENSES.get(name, name)} | {count} |"


def videos(frames: Sequence[PackedPicture]) -> Iterator[str]:
    """Yield the sequences with their numbers of frames, by source."""
    yield "\n## Frames of videos\n"
    by_source = sorted({(one.source, one.sequence) for one in frames})
    counts = Counter((one.source, one.sequence) for one in frames)
    for source, group in groupby(by_source, key=lambda pair: pair[0]):
        named = ", ".join(f"{name} {counts[source, name]}" for _, name in group)
        yield f"- {source}: {named}"


def credit(url: str, number: int) -> str:
    """Return the links of a picture of COCO: `30: [Flickr 3573516590](page), [file](url)`."""
    found = re.search(r"/(\d+)_\w+\.jpg$", url)
    where = f"[Flickr {found[1]}]({FLICKR_PAGE}{found[1]}), " if found else ""
    return f"{number}: {where}[file]({url})"


if __name__ == "__main__":
    main()
