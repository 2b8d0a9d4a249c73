"""What the engine's observer is called with; its errors are logged and end nothing."""

import logging
from collections.abc import Sequence
from typing import Any

from maskstream_server.engine.step import Inferred
from maskstream_server.engine.types import EngineObserver, StepRequest
from maskstream_server.errors import StepFailedError

log = logging.getLogger(__name__)


class Observing:
    """Calls an observer, where there is one."""

    def __init__(self, observer: EngineObserver | None) -> None:
        self._observer = observer

    def batch_done(
        self, requests: Sequence[StepRequest[Any, Any]], inferred: Sequence[Inferred]
    ) -> None:
        """Count a batch, without the requests on which the model raised."""
        waiting_s: list[float] = []
        for request, (output, times) in zip(requests, inferred, strict=True):
            if not isinstance(output, StepFailedError):
                waiting_s += [times.waiting_s] * len(request.step.frames)
        if self._observer is None or not waiting_s:
            return
        try:
            self._observer.batch_done(times.batch_size, times.inference_s, waiting_s)
        except Exception:
            log.exception("engine_observer_failed")

    def step_failed(self, error: StepFailedError) -> None:
        """Count a request on which the model raised."""
        if self._observer is None:
            return
        try:
            self._observer.step_failed(error)
        except Exception:
            log.exception("engine_observer_failed")
