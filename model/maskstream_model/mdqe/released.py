"""What the authors of MDQE released, and the scores that they report (docs/model.md 14.6).

The scores are theirs, in percent, taken from their repository; they were not reproduced here. The
files have no address from which they could be pulled: their authors keep them on Google Drive.
"""

from maskstream_model.releases import Release

PUBLISHER = "the authors of MDQE, at https://github.com/MinghanLi/MDQE_CVPR2023"
CAUTION = (
    "Its authors' repository names Apache-2.0 in its README, but has no licence file: whether you "
    "may use the weights is for you to find out."
)
_FILES = (
    ("r50_ovis", "OVIS", "AP 30.7"),
    ("r50_ovis_720", "OVIS", "AP 32.3"),
    ("swinl_ovis", "OVIS", "AP 41.0"),
    ("r50_ytvis19", "YouTube-VIS 2019", "AP 47.8"),
    ("swinl_ytvis19", "YouTube-VIS 2019", "AP 59.9"),
    ("r50_ytvis21", "YouTube-VIS 2021", "AP 46.6"),
    ("swinl_ytvis21", "YouTube-VIS 2021", "AP 55.5"),
)

RELEASES = tuple(
    Release(
        f"mdqe_{preset}",
        task="instances",
        data=data,
        reported=reported,
        publisher=PUBLISHER,
        caution=CAUTION,
        by_hand=True,
    )
    for preset, data, reported in _FILES
)
