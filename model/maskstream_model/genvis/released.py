"""What the authors of GenVIS released, and the scores that they report (docs/model.md 15).

The scores are taken from their repository; they were not reproduced here. Its files are downloaded
by hand: no address is known that a program could take them from.
"""

from maskstream_model.releases import Release

PUBLISHER = "the authors of GenVIS, for download by hand"
LICENCE = "Apache-2.0"
_DATA = {"ovis": "OVIS", "ytvis19": "YouTube-VIS 2019", "ytvis21": "YouTube-VIS 2021"}
_SCORES = {
    "r50_ovis": (35.8, 34.5),
    "swinl_ovis": (45.2, 45.4),
    "r50_ytvis19": (50.0, 51.3),
    "swinl_ytvis19": (64.0, 63.8),
    "r50_ytvis21": (47.1, 46.3),
    "swinl_ytvis21": (59.6, 60.1),
}
"""AP in percent, online and semi-online."""

RELEASES = tuple(
    Release(
        f"genvis_{name}_{kind}",
        task="instances",
        data=_DATA[name.partition("_")[2]],
        reported=f"AP {score}",
        publisher=PUBLISHER,
        licence=LICENCE,
        by_hand=True,
    )
    for name, scores in _SCORES.items()
    for kind, score in zip(("online", "semi"), scores, strict=True)
)
