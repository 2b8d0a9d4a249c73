"""An endless, seeded generator of annotated video clips (needs the `[train]` extra: OpenCV).

    generator = ClipGenerator(SyntheticConfig(height=128, width=224), seed=0)
    clip = generator.clip(17)   # always the same clip 17

What goes in and why: layered 2D sprites with real or procedural appearance, after OCLR (arXiv
2207.02206), VideoCutLER (2308.14710) and "Learning Video Representations without Natural Videos"
(2410.24213).
"""

from maskstream_train.data.synthetic.config import Clip, SyntheticConfig
from maskstream_train.data.synthetic.generator import ClipGenerator

__all__ = ["Clip", "ClipGenerator", "SyntheticConfig"]
