"""Each picture that the demo model learns from is credited."""

import re
import runpy

from docs.pages import CHECKOUT
from maskstream_train.data.packed import PackedPicture

SCRIPT = runpy.run_path(str(CHECKOUT / "scripts" / "credit_pictures.py"))


def picture(source: str, license: str, url: str = "", sequence: str = "") -> PackedPicture:
    return PackedPicture("0.jpg", 1, 1, sequence, 0, source, license, url, True, (), None)


def test_a_still_leads_to_its_page_and_its_file_under_its_licence():
    urls = [f"http://farm.example/{number}/57{number}_ab1_z.jpg" for number in (1, 2)]
    pictures = [
        picture("COCO 2017", "Attribution-ShareAlike License", urls[0]),
        picture("COCO 2017", "Attribution License", urls[1]),
    ]
    text = "\n".join(SCRIPT["page"](pictures, dict(zip(urls, (139, 285), strict=True))))
    by, by_sa = re.split(r"^### .*CC BY.*$", text, flags=re.MULTILINE)[1:]
    credit = f"- 285: [Flickr 572](https://www.flickr.com/photo.gne?id=572), [file]({urls[1]})"
    assert by.strip() == credit
    assert f"139: [Flickr 571](https://www.flickr.com/photo.gne?id=571), [file]({urls[0]})" in by_sa


def test_frames_are_counted_by_sequence_and_source():
    bears = [picture("DAVIS 2016", "BSD", sequence="bear")] * 3
    text = "\n".join(SCRIPT["page"]([*bears, picture("DAVIS 2016", "BSD", sequence="bus")], {}))
    assert "| DAVIS 2016 | BSD | 4 |" in text
    assert "- DAVIS 2016: bear 3, bus 1" in text


def test_the_page_credits_as_many_pictures_as_its_table_counts():
    text = (CHECKOUT / "docs" / "demo-model-pictures.md").read_text()
    stills = sum(map(int, re.findall(r"^\| COCO 2017 .* (\d+) \|$", text, flags=re.MULTILINE)))
    assert stills == len(re.findall(r"^- \d+: \[Flickr", text, flags=re.MULTILINE)) > 0
