"""What the authors of GenVIS released, and the scores that they report (docs/model.md 15).

The scores are taken from their repository; they were not reproduced here. Its files are downloaded
by hand from links there, which open in a browser alone; it has none for three of the models.
"""

from maskstream_model.releases import Release

PAGE = "https://github.com/miranheo/GenVIS"
PUBLISHER = f"the authors of GenVIS, at {PAGE}"
NOT_PUBLISHED = f"nobody yet: the authors of GenVIS have no link to it at {PAGE}"
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
_WITHOUT_A_FILE = ("r50_ytvis21_online", "swinl_ytvis21_online", "swinl_ytvis21_semi")

RELEASES = tuple(
    Release(
        f"genvis_{name}_{kind}",
        task="instances",
        data=_DATA[name.partition("_")[2]],
        reported=f"AP {score}",
        publisher=NOT_PUBLISHED if f"{name}_{kind}" in _WITHOUT_A_FILE else PUBLISHER,
        licence=LICENCE,
        by_hand=True,
    )
    for name, scores in _SCORES.items()
    for kind, score in zip(("online", "semi"), scores, strict=True)
)
