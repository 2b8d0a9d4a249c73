"""The backends: which could compute the model here, and how far each is from eager."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

from maskstream_model import families
from maskstream_model.backends.accelerate import accelerate
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.table import BUILDERS
from maskstream_model.errors import CompileError
from maskstream_server.config.settings import Settings
from maskstream_server.doctor.finding import Finding
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.backend import wish_of
from maskstream_server.lifecycle.models import load


def check_backends(settings: Settings) -> Sequence[Finding]:
    """Build each backend for the model and sizes of the settings, and compare it with eager."""
    try:
        live = load(settings).live
    except StartError as error:
        return [Finding("model", "failed", str(error).rstrip("."), "See `maskstream doctor`.")]
    return [Finding("eager", "ok", "what all others are compared with"), *_found(settings, live)]


def _found(settings: Settings, live: object) -> Iterator[Finding]:
    for name in BUILDERS:
        graph = families.graph_of(settings.model, copy.copy(live))
        try:
            execution = accelerate(graph, replace(wish_of(settings), backend=name))
        except CompileError as error:
            yield Finding(name, "warning", str(error), "")
        else:
            yield Finding(name, "ok", described(execution))


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
