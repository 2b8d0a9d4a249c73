"""The model that comes with Maskstream; every family that runs its segmenter has a preset of it."""

from maskstream_model.classes import EVERYDAY, classes
from maskstream_model.config.model import ModelConfig
from maskstream_model.config.networks import EfficientNetConfig, SegmenterConfig, TrackerConfig
from maskstream_model.config.rules import OnlineConfig


def demo() -> ModelConfig:
    """Return a model small enough for a laptop; the OVIS rules, so that tracker 2 decides too."""
    return ModelConfig(
        name="demo",
        classes=classes(EVERYDAY),
        segmenter=SegmenterConfig(
            backbone=EfficientNetConfig(),
            num_queries=24,
            hidden_dim=96,
            num_heads=4,
            pixel_layers=2,
            pixel_heads=4,
            pixel_ffn_dim=256,
            decoder_layers=6,
            decoder_ffn_dim=384,
        ),
        tracker=TrackerConfig(
            num_layers=3, num_heads=4, ffn_dim=384, num_background=5, soft_classes=True
        ),
        online=OnlineConfig(
            first_frame_score_min=0.3,
            tracked_score_min=0.4,
            emergence_score_min=0.3,
            keep_score_min=0.3,
            max_missed_frames=4,
            min_size=192,
            show_score_min=0.5,  # decision 0031
            double_iou_max=0.5,
        ),
    )
