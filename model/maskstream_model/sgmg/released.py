"""What the authors of SgMg released, and the scores that they report (docs/model.md 13).

The scores are taken from their repository; they were not reproduced here. Its files are downloaded
by hand from links to Google Drive there.
"""

from maskstream_model.releases import Release

PUBLISHER = "the authors of SgMg, at https://github.com/bo-miao/SgMg"
LICENCE = "CC BY-NC 4.0"
CAUTION = (
    "The licence CC BY-NC 4.0 forbids commercial use of these weights: whether yours is allowed is "
    "for you to find out."
)
COMPANIONS = tuple(
    f"roberta-base/{name}" for name in ("tokenizer.json", "vocab.json", "merges.txt")
)
"""Files of the tokenizer, which the authors do not publish; in either form."""
DATA = "Ref-YouTube-VOS"
_SCORES = {"t": "62.0, Ref-DAVIS17 61.9", "b": "65.7, Ref-DAVIS17 63.3"}

RELEASES = tuple(
    Release(
        f"sgmg_videoswin_{backbone}",
        task="referring",
        data=DATA,
        reported=f"J&F {scores}",
        publisher=PUBLISHER,
        licence=LICENCE,
        caution=CAUTION,
        by_hand=True,
        companions=COMPANIONS,
    )
    for backbone, scores in _SCORES.items()
)
