"""The models that a server or worker runs, and how they are loaded."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from maskstream_model import families, load_model
from maskstream_model.errors import MaskstreamModelError
from maskstream_model.port import Model
from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.forced_exit import ended_by_signals

RULES = ("task", "min_size", "chunk_frames")
"""Settings that replace what a preset says, where they are set."""


@dataclass(frozen=True)
class Models:
    """The models that run.

    Attributes:
        live: steps frames of live sessions, and of whole videos in the mode `online`.
        refining: steps frames of whole videos in the mode `offline`; None: there is none.
    """

    live: Model[Any]
    refining: Model[Any] | None = None


@ended_by_signals()
def load(settings: Settings) -> Models:
    """Load the models that the settings name; a signal does not wait for that. In the main thread.

    Raises:
        StartError: unknown preset, missing or unfit checkpoint, or no such device.
    """
    try:
        # In a thread that ends, and with it those that OpenMP begins for it: where a process has
        # more of them than cores, it puts them to sleep whenever they wait for one another.
        with ThreadPoolExecutor(1, "loading") as thread:
            model: Any = thread.submit(_load, settings).result()
    except (MaskstreamModelError, RuntimeError) as error:
        raise StartError(f"The model {settings.model} cannot be loaded: {error}") from error
    live = families.live_model(settings.model, model)
    return Models(live, None if live is model else model)


def _load(settings: Settings) -> Any:
    asked = {name: getattr(settings, name) for name in RULES}
    rules = {name: value for name, value in asked.items() if value is not None}
    return load_model(settings.model, settings.weights, settings.device, **rules)
