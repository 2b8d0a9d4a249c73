"""Mask2Former as mmdetection publishes it (docs/model.md 11).

The scores are its authors', taken from their model zoo; they were not reproduced here. That file
names end in the first eight digits of the SHA-256 is mmdetection's convention; it was not compared
with a real file.
"""

from maskstream_model.association.presets import DEMO
from maskstream_model.releases import SHIPPED, Release

FOLDER = "https://download.openmmlab.com/mmdetection/v3.0/mask2former"
DATA = "COCO 2017"
_FILES = (
    ("r50_coco", "r50_8xb2-lsj-50e_coco", "20220506_191028-41b088b6", "mask AP 42.9"),
    ("r101_coco", "r101_8xb2-lsj-50e_coco", "20220426_100250-ecf181e2", "mask AP 44.0"),
    (
        "swint_coco",
        "swin-t-p4-w7-224_8xb2-lsj-50e_coco",
        "20220508_091649-01b0f990",
        "mask AP 44.7",
    ),
    (
        "swins_coco",
        "swin-s-p4-w7-224_8xb2-lsj-50e_coco",
        "20220504_001756-c9d0c4f2",
        "mask AP 46.1",
    ),
    ("r50_coco_panoptic", "r50_8xb2-lsj-50e_coco-panoptic", "20230118_125535-54df384a", "PQ 52.0"),
    (
        "r101_coco_panoptic",
        "r101_8xb2-lsj-50e_coco-panoptic",
        "20220329_225104-c74d4d71",
        "PQ 52.4",
    ),
    (
        "swint_coco_panoptic",
        "swin-t-p4-w7-224_8xb2-lsj-50e_coco-panoptic",
        "20220326_224553-3ec9e0ae",
        "PQ 53.4",
    ),
    (
        "swins_coco_panoptic",
        "swin-s-p4-w7-224_8xb2-lsj-50e_coco-panoptic",
        "20220329_225200-4a16ded7",
        "PQ 54.5",
    ),
    (
        "swinb_coco_panoptic",
        "swin-b-p4-w12-384-in21k_8xb2-lsj-50e_coco-panoptic",
        "20220329_230021-05ec7315",
        "PQ 56.3",
    ),
    (
        "swinl_coco_panoptic",
        "swin-l-p4-w12-384-in21k_16xb1-lsj-100e_coco-panoptic",
        "20220407_104949-82f8d28d",
        "PQ 57.6",
    ),
)


def _release(preset: str, config: str, stamp: str, reported: str) -> Release:
    name = f"mask2former_{config}"
    return Release(
        f"mask2former_{preset}",
        f"{FOLDER}/{name}/{name}_{stamp}.pth",
        task="panoptic" if preset.endswith("_panoptic") else "instances",
        data=DATA,
        reported=reported,
        publisher="OpenMMLab (mmdetection)",
        licence="Apache-2.0",
        sha256_prefix=stamp.rpartition("-")[2],
    )


RELEASES = (
    *(_release(*row) for row in _FILES),
    Release(DEMO, task="instances", data="synthetic clips", publisher=SHIPPED),
)
