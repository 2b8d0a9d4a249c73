"""Models as a server or worker runs them, without the registry."""

from typing import Any

from maskstream_model.daq.offline import OfflineDaq
from maskstream_server.lifecycle.models import Models


def models_of(model: Any) -> Models:
    """Return the `Models` of a loaded model, online or offline."""
    return Models(model.online, model) if isinstance(model, OfflineDaq) else Models(model)
