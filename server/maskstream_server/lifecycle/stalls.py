"""Whether the engine or the decoders hang: a sentence for `/healthz` and `/readyz`."""

from typing import Any, Final

from maskstream_server.engine.engine import Engine
from maskstream_server.pictures.pool import PicturePool

STALLED_S: Final = 60.0
"""No step of a model, and no picture, takes so long on a machine that works."""


def stalled_engine(engine: Engine[Any]) -> str | None:
    """Return why the engine is thought to hang; None: it does not."""
    since_s = engine.stalled_for_s()
    if since_s <= STALLED_S:
        return None
    return f"A step of the model has been running for {since_s:.0f} seconds."


def stalled_decoders(pictures: PicturePool) -> str | None:
    """Return why the decoders are thought to hang; None: they do not."""
    since_s = pictures.stalled_for_s()
    if since_s <= STALLED_S:
        return None
    return f"Frames wait to be decoded, and none has been for {since_s:.0f} seconds."
