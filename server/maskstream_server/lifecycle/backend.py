"""The backend that the settings name: put in place of eager, and shown in log and metrics."""

from collections.abc import Callable
from typing import Any

import structlog
import torch

from maskstream_model import families
from maskstream_model.backends.accelerate import accelerate
from maskstream_model.backends.execution import Execution, Wish
from maskstream_model.backends.table import EAGER, candidates
from maskstream_model.errors import CompileError
from maskstream_model.port import Model
from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError
from maskstream_server.telemetry.work_metrics import WorkMetrics

Report = Callable[[str], None]


def run_on_backend(settings: Settings, model: Model[Any], report: Report) -> Execution:
    """Let a model of live frames run on the backend of the settings, before its first session.

    Args:
        settings: what the operator decided.
        model: as `models.load` returns it; it is changed.
        report: called with what is being done, for people.

    Raises:
        StartError: the backend that is named cannot run here, or differs from eager; the model
            then runs eagerly.
    """
    wish = wish_of(settings)
    names = candidates(wish.backend, torch.device(settings.device))
    # Nothing is asked of the family where there is nothing to build.
    graph = None if tuple(names) == (EAGER,) else families.graph_of(settings.model, model)
    try:
        return accelerate(graph, wish, report)
    except CompileError as error:
        raise StartError(f"{error}.") from error


def wish_of(settings: Settings) -> Wish:
    """Return what the settings want of a backend."""
    return Wish(
        settings.wanted_backend,
        settings.precision,
        settings.compile_frame_sizes,
        settings.max_batch,
    )


def prepare_model(
    settings: Settings, model: Model[Any], metrics: WorkMetrics | None, report: Report
) -> None:
    """Do what `run_on_backend` does for a server or worker, which runs eagerly if it is refused."""
    log = structlog.get_logger(__name__)
    wanted = settings.wanted_backend
    if settings.compile is not None:
        log.warning("setting_deprecated", old="MASKSTREAM_COMPILE", new="MASKSTREAM_BACKEND")

    def log_and_report(doing: str) -> None:
        log.info("engine_prepares", doing=doing)
        report(doing)

    try:
        execution = run_on_backend(settings, model, log_and_report)
    except StartError as error:
        execution = Execution(reason=str(error))
    if execution.reason is not None:
        log.warning("backend_refused", wanted=wanted, reason=execution.reason)
    log.info(
        "backend",
        name=execution.backend,
        precision=execution.precision,
        agreement=dict(execution.agreement),
        notes=execution.notes,
    )
    if metrics is not None:
        metrics.backend_runs(execution.backend, execution.precision, wanted)
