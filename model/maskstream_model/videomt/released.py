"""What the authors of VidEoMT released, and the scores that they report (docs/model.md 10.4).

The scores are theirs, in percent, taken from their repository; they were not reproduced here.
"""

from maskstream_model.releases import Release

REPOSITORY = "hf://tue-mps/VidEoMT"
PUBLISHER = "the authors of VidEoMT"
CAUTION = (
    "Its authors' repository states no licence for the weights, only MIT for the code: whether you "
    "may use them is for you to find out."
)
VIDEOS = "YouTube-VIS"
_FILES = (
    ("vits_ytvis19", "yt_2019_vit_small_52.8", f"{VIDEOS} 2019", "AP 52.8, AR10 62.2"),
    ("vitb_ytvis19", "yt_2019_vit_base_58.2", f"{VIDEOS} 2019", "AP 58.2, AR10 66.5"),
    ("vitl_ytvis19", "yt_2019_vit_large_68.6", f"{VIDEOS} 2019", "AP 68.6, AR10 73.9"),
    ("vitl_ytvis21", "yt_2021_vit_large_63.1", f"{VIDEOS} 2021", "AP 63.1, AR10 68.1"),
    ("vitl_ytvis22", "yt_2022_vit_large_42.6", f"{VIDEOS} 2022", "APL 42.6, ARL10 48.1"),
    ("vitl_ovis", "ovis_vit_large_52.5", "OVIS", "AP 52.5, AR10 57.5"),
    ("vitl_vipseg", "vipseg_vit_large_55.2", "VIPSeg", "VPQ 55.2, STQ 48.9"),
    ("vitl_vspw", "vspw_vit_large_95.0_64.9", "VSPW", "mVC16 95.0, mIoU 64.9"),
)
_TASKS = {"VIPSeg": "panoptic", "VSPW": "semantic"}

RELEASES = tuple(
    Release(
        f"videomt_{preset}",
        f"{REPOSITORY}/{file}.pth",
        task=_TASKS.get(data, "instances"),
        data=data,
        reported=reported,
        publisher=PUBLISHER,
        caution=CAUTION,
    )
    for preset, file, data, reported in _FILES
)
