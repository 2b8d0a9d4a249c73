"""What the authors of DVIS-DAQ released and report of it (docs/model.md 5).

The scores are theirs, taken from their model zoo; they are not measured here.
"""

from dataclasses import dataclass

DAQ_PAGE = "https://huggingface.co/zhouyik/DVIS-DAQ"


@dataclass(frozen=True)
class Release:
    """One released checkpoint that a preset loads.

    Attributes:
        preset: our name of it.
        file: its authors' name of it, without an ending.
        data: the data set it was trained for and is reported on.
        scores: in percent, as its authors report them: AP, AP50 and AP75 of masks, or VPQ of
            all classes, of things and of stuff.
        task: what it does.
        page: where its authors publish it.
    """

    preset: str
    file: str
    data: str
    scores: tuple[float, float, float]
    task: str = "instances"
    page: str = DAQ_PAGE

    @property
    def reported(self) -> str:
        """The scores with their names, for people."""
        names = ("VPQ", "things", "stuff") if self.task == "panoptic" else ("AP", "AP50", "AP75")
        pairs = zip(names, self.scores, strict=True)
        return ", ".join(f"{name} {score}" for name, score in pairs)


OVIS, YTVIS19, YTVIS21 = "OVIS", "YouTube-VIS 2019", "YouTube-VIS 2021"
VIPSEG, VPS = "VIPSeg", "panoptic"

RELEASES = (
    Release("daq_r50_ovis", "model_ovis_online_r50", OVIS, (38.7, 65.5, 37.6)),
    Release("daq_r50_ytvis19", "model_ytvis19_online_r50", YTVIS19, (55.2, 78.7, 61.9)),
    Release("daq_r50_ytvis21", "model_ytvis21_online_r50", YTVIS21, (50.4, 72.4, 55.0)),
    Release("daq_swinl_ovis", "model_ovis_online_swinl", OVIS, (49.5, 76.1, 51.7)),
    Release("daq_swinl_ytvis19", "model_ytvis19_online_swinl", YTVIS19, (65.7, 88.1, 73.6)),
    Release("daq_swinl_ytvis21", "model_ytvis21_online_swinl", YTVIS21, (61.1, 84.2, 68.2)),
    Release("daq_vitl_ovis", "model_ovis_online_vitl", OVIS, (53.7, 78.7, 58.2)),
    Release("daq_vitl_ytvis19", "model_ytvis19_online_vitl", YTVIS19, (68.3, 88.5, 76.1)),
    Release("daq_vitl_ytvis21", "model_ytvis21_online_vitl", YTVIS21, (62.4, 83.6, 70.8)),
    Release("daq_r50_vipseg", "model_vipseg_online_r50", VIPSEG, (42.1, 41.7, 42.5), VPS),
    Release("daq_vitl_vipseg", "model_vipseg_online_vitl", VIPSEG, (57.4, 60.4, 54.7), VPS),
    Release("daq_r50_ovis_offline", "model_ovis_offline_r50", OVIS, (43.5, 72.5, 43.8)),
    Release("daq_vitl_ovis_offline", "model_ovis_offline_vitl", OVIS, (57.1, 83.8, 62.9)),
    Release("daq_vitl_ytvis19_offline", "model_ytvis19_offline_vitl", YTVIS19, (69.2, 90.8, 76.8)),
    Release("daq_vitl_ytvis21_offline", "model_ytvis21_offline_vitl", YTVIS21, (64.5, 86.3, 72.4)),
)
