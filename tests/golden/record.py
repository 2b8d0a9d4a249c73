"""Records what a tiny model makes of a few frames, so that a checkout alone notices a change.

Run it from the folder `tests`, after a change of numbers that was meant:

    python -m golden.record

It writes weights, frames and outputs beside itself. It refuses to record a run in which a score
or a pixel is so near its threshold that another machine could decide otherwise.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from maskstream_model.aliases import Frame
from maskstream_model.checkpoint import load_into, load_weights, save_safetensors, state_of
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.port import TrackStatus
from support.running import run
from support.tiny import tiny_frames, tiny_model

FOLDER = Path(__file__).parent
WEIGHTS, RUN = FOLDER / "tiny.safetensors", FOLDER / "tiny_run.npz"
NUM_FRAMES = 9
TENSORS = ("track_ids", "status", "logits", "mask_logits", "scores", "labels", "ages")
FRAMES_SEED = 6
SCORE_MARGIN, PIXEL_MARGIN = 1e-3, 1e-5


def golden_model() -> OnlineDaq:
    """The tiny model with the recorded weights."""
    model = tiny_model()
    load_into({"": model.segmenter, "tracker.": model.tracker}, load_weights(WEIGHTS))
    return model


def outputs_of(model: OnlineDaq, frames: list[Frame]) -> dict[str, np.ndarray]:
    """Every tensor of every frame's output, by name and time, and the size of the memory."""
    outputs, state = run(model, frames)
    arrays = {
        f"{name}_{time}": getattr(output, name).numpy()
        for time, output in enumerate(outputs)
        for name in TENSORS
    }
    arrays["state_bytes"] = np.array(sum(map(len, model.to_parts(state).values())))
    return arrays


def check_margins(model: OnlineDaq, frames: list[Frame]) -> None:
    """Refuse a run that thresholds moved by a margin would change."""
    expected = run(model, frames)[0]
    for name in ("first_frame_score_min", "tracked_score_min", "emergence_score_min"):
        for move in (-SCORE_MARGIN, SCORE_MARGIN):
            rules = replace(
                model.config.online, **{name: getattr(model.config.online, name) + move}
            )
            config = replace(model.config, online=rules)
            moved = OnlineDaq(config, model.segmenter, model.tracker, model.device, "moved")
            for ours, theirs in zip(run(moved, frames)[0], expected, strict=True):
                if ours.status.tolist() != theirs.status.tolist():
                    raise SystemExit(f"a score is near {name}: take another FRAMES_SEED")
    shown = [output.mask_logits[output.status < TrackStatus.DISAPPEARED] for output in expected]
    if min(float(masks.abs().min()) for masks in shown if len(masks)) < PIXEL_MARGIN:
        raise SystemExit("a pixel is near 0: take another FRAMES_SEED")


def main() -> None:
    """Record weights, frames and outputs."""
    model = tiny_model()
    weights = state_of({"": model.segmenter, "tracker.": model.tracker})
    save_safetensors(WEIGHTS, weights, {}, half=True)
    model, frames = golden_model(), tiny_frames(NUM_FRAMES, FRAMES_SEED)
    check_margins(model, frames)
    np.savez_compressed(RUN, frames=np.stack(frames), **outputs_of(model, frames))


if __name__ == "__main__":
    main()
