"""What the authors of DVIS-DAQ released, and the scores that they report (docs/model.md 5).

The scores are taken from their model zoo; they were not reproduced here.
"""

from maskstream_model.releases import SHIPPED, Release

REPOSITORY = "hf://zhouyik/DVIS-DAQ"
PUBLISHER = "the authors of DVIS-DAQ"
LICENCE = "Apache-2.0"
# Their training started from Mask2Former's weights, whose model zoo has this licence.
R50_CAUTION = (
    "It was trained from weights under CC BY-NC 4.0, which do not allow commercial use; whether "
    "that holds for this file too is not known."
)

OVIS, YTVIS19, YTVIS21 = "OVIS", "YouTube-VIS 2019", "YouTube-VIS 2021"
VIPSEG = "VIPSeg"
_FILES = (
    ("daq_r50_ovis", "model_ovis_online_r50", OVIS, (38.7, 65.5, 37.6)),
    ("daq_r50_ytvis19", "model_ytvis19_online_r50", YTVIS19, (55.2, 78.7, 61.9)),
    ("daq_r50_ytvis21", "model_ytvis21_online_r50", YTVIS21, (50.4, 72.4, 55.0)),
    ("daq_swinl_ovis", "model_ovis_online_swinl", OVIS, (49.5, 76.1, 51.7)),
    ("daq_swinl_ytvis19", "model_ytvis19_online_swinl", YTVIS19, (65.7, 88.1, 73.6)),
    ("daq_swinl_ytvis21", "model_ytvis21_online_swinl", YTVIS21, (61.1, 84.2, 68.2)),
    ("daq_vitl_ovis", "model_ovis_online_vitl", OVIS, (53.7, 78.7, 58.2)),
    ("daq_vitl_ytvis19", "model_ytvis19_online_vitl", YTVIS19, (68.3, 88.5, 76.1)),
    ("daq_vitl_ytvis21", "model_ytvis21_online_vitl", YTVIS21, (62.4, 83.6, 70.8)),
    ("daq_r50_vipseg", "model_vipseg_online_r50", VIPSEG, (42.1, 41.7, 42.5)),
    ("daq_vitl_vipseg", "model_vipseg_online_vitl", VIPSEG, (57.4, 60.4, 54.7)),
    ("daq_r50_ovis_offline", "model_ovis_offline_r50", OVIS, (43.5, 72.5, 43.8)),
    ("daq_vitl_ovis_offline", "model_ovis_offline_vitl", OVIS, (57.1, 83.8, 62.9)),
    ("daq_vitl_ytvis19_offline", "model_ytvis19_offline_vitl", YTVIS19, (69.2, 90.8, 76.8)),
    ("daq_vitl_ytvis21_offline", "model_ytvis21_offline_vitl", YTVIS21, (64.5, 86.3, 72.4)),
)
_SHA256 = {
    "daq_vitl_ytvis19": "0495ef58a3c67f6c514e8ba5683237e918b706b915e3d8fe534710cc9f8fe747",
    "daq_vitl_ytvis21": "2eeae6711cc411b401c4e9320364c0f11810d31347943fc223fcd148eb2a5153",
}


def _release(preset: str, file: str, data: str, scores: tuple[float, float, float]) -> Release:
    """Scores in percent: AP, AP50, AP75 of masks, or VPQ of all classes, of things, of stuff."""
    panoptic = data == VIPSEG
    names = ("VPQ", "things", "stuff") if panoptic else ("AP", "AP50", "AP75")
    return Release(
        preset,
        f"{REPOSITORY}/{file}.pth",
        task="panoptic" if panoptic else "instances",
        data=data,
        reported=", ".join(f"{name} {score}" for name, score in zip(names, scores, strict=True)),
        publisher=PUBLISHER,
        licence=LICENCE,
        caution=R50_CAUTION if "_r50_" in preset else "",
        sha256=_SHA256.get(preset),
    )


RELEASES = (
    *(_release(*row) for row in _FILES),
    Release("demo", task="instances", data="synthetic clips", publisher=SHIPPED),
)
