"""How near outputs must come to the reference's recordings (docs/model.md 8)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from maskstream_model.daq.disappearance import foreground_scores
from maskstream_model.mask2former.segmenter import SegmenterOutput

FIRST_FRAME_SCORE_MIN = 0.01
# The reference's own runs with 1 and 2 threads differ by 2e-6 to 6e-6, and 5e-5 in mask logits, in
# whatever order sums are made; ours, in yet another order, by 8e-6 and 1e-4. Another processor may
# double that. Half precision recordings add a step of their own.
VALUES, MASK_LOGITS, HALF_STEP = 1.5e-5, 2e-4, 1e-3


def assert_near(ours: Tensor, recorded: NDArray[Any], tolerance: float = VALUES) -> None:
    """Hold the only frame of `ours`; recordings in half precision are off by a step more."""
    ours = ours.detach().squeeze(0).numpy()
    half = recorded.dtype == np.float16
    allowed = tolerance + (HALF_STEP * np.abs(recorded.astype(np.float32)) if half else 0)
    assert ours.shape == recorded.shape
    assert (np.abs(ours - recorded.astype(np.float32)) <= allowed).all()


@contextmanager
def recorded_calls(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, Any]]:
    """Collect `(inputs, output)` of modules by name while the context is open."""
    calls: dict[str, Any] = {}

    def record(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            calls[name] = (args, output)

        return hook

    handles = [module.register_forward_hook(record(name)) for name, module in modules.items()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def assert_recorded(output: SegmenterOutput, recorded: Mapping[str, NDArray[Any]]) -> None:
    """Hold what the trackers read of one frame, and where it says so, who starts a track."""
    assert_near(output.embeddings, recorded["pred_embds"])
    assert_near(output.logits, recorded["pred_logits"])
    assert_near(output.mask_features, recorded["mask_features"])
    assert_near(output.mask_logits, recorded["pred_masks"], MASK_LOGITS)
    if "first_frame_valid" not in recorded:
        return
    starts = foreground_scores(output.logits[0]) > FIRST_FRAME_SCORE_MIN
    np.testing.assert_array_equal(starts, recorded["first_frame_valid"])
