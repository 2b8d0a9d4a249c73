"""A whole video through any model, from Python."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from maskstream_model.aliases import Frame
from maskstream_model.port import FrameResult, Model, SessionOptions, StepInput

State = TypeVar("State")
NO_OPTIONS = SessionOptions()


def segment_video(
    model: Model[State], frames: Iterable[Frame], options: SessionOptions = NO_OPTIONS
) -> Iterator[FrameResult]:
    """Yield the final result of each frame of a video, in order.

    Frames are read one by one, and no further than the model needs for the next result.

    Args:
        model: of any family.
        frames: uint8 `(height, width, 3)`, RGB.
        options: prompts, and a limit of tracks.

    Raises:
        PromptError: the model needs prompts, or takes none.
        FrameError: a frame is not as above.
    """
    state = model.begin(options)
    for frame in frames:
        (output,) = model.step([StepInput([frame], state, options)])
        state = output.state
        yield from (result for result in output.results if result.final)
    yield from model.flush(state, options).results
