"""The backends: which could compute the model here, and how far each is from eager."""

import copy
from collections.abc import Sequence
from dataclasses import replace

from maskstream_model import families
from maskstream_model.backends.accelerate import accelerate
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.table import BUILDERS
from maskstream_model.errors import CompileError
from maskstream_server.config.settings import Settings
from maskstream_server.doctor.finding import Finding
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.backend import Report, wish_of
from maskstream_server.lifecycle.models import load


def check_backends(settings: Settings, report: Report) -> Sequence[Finding]:
    """Build each backend for the model and sizes of the settings, and compare it with eager."""
    try:
        live = load(settings).live
    except StartError as error:
        return [Finding("model", "failed", str(error).rstrip("."), "See `maskstream doctor`.")]
    others = [_compared(settings, live, name, report) for name in BUILDERS]
    return [Finding("eager", "ok", "what all others are compared with"), *others]


def _compared(settings: Settings, live: object, name: str, report: Report) -> Finding:
    graph = families.graph_of(settings.model, copy.copy(live))
    wish = replace(wish_of(settings), backend=name)
    try:
        execution = accelerate(graph, wish, lambda doing: report(f"{name}: {doing}"))
    except CompileError as error:
        return Finding(name, "warning", str(error), "")
    return Finding(name, "ok", described(execution))


def described(execution: Execution) -> str:
    """Return what runs, at which precision, and how far it is from eager."""
    found = execution.agreement
    text = f"{execution.backend} in {execution.precision}"
    if not found:
        return text
    whole = max(value for name, value in found.items() if name.endswith("_whole"))
    query = max(value for name, value in found.items() if name.endswith("_query"))
    ids = "the same" if found["same_ids"] else "other"
    return (
        f"{text}: {ids} ids as eager, IoU of {found['objects']} masks at least "
        f"{found['min_iou']:.3f}, outputs off by {whole:.1e} of their size, "
        f"the worst query by {query:.1e}"
    )
