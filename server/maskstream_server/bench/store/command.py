"""What `maskstream bench store` asks for, and its report."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException

from maskstream_model.errors import MaskstreamModelError
from maskstream_model.presets import preset
from maskstream_protocol.errors import ProtocolError
from maskstream_server.bench.pictures import jpegs
from maskstream_server.bench.report import tell
from maskstream_server.bench.stand_in import StandIn
from maskstream_server.bench.store.measuring import measure
from maskstream_server.bench.turns import Pace
from maskstream_server.config.settings import Settings
from maskstream_server.errors import MaskstreamServerError, SettingsError, StoreUnreachableError
from maskstream_server.lifecycle.models import Models, load
from maskstream_server.stores.redis.facts import read_facts


class StoreBenchError(MaskstreamServerError):
    """The store cannot be measured; the text says why."""


@dataclass(frozen=True)
class StandInFacts:
    """The made-up model: the preset whose memory it has, its tracks, and the length of a step."""

    preset: str
    tracks: int
    step_ms: float

    def make(self, settings: Settings) -> Models:
        """Return the model, whatever the settings name."""
        return Models(StandIn(self.preset, self.tracks, self.step_ms / 1000))


def run_bench(
    settings: Settings, clip: Path, pace: Pace, stand_in: StandInFacts, out: Path | None
) -> None:
    """Measure, print the report as JSON and write it where asked.

    Raises:
        SettingsError: no shared store is named, or no preset.
        StoreBenchError: it is away, or a stream was refused or broke off.
        StartError: a server cannot start.
        MediaError: the clip cannot be read.
    """
    if settings.store == "memory":
        raise SettingsError("Name the store to measure: --store redis://host:port/db.")
    try:
        preset(stand_in.preset)
    except MaskstreamModelError as error:
        raise SettingsError(f"--tracks-of: {error}.") from error
    store = facts_of(settings.store)
    pictures = jpegs(settings, clip)
    ours = {"host": "127.0.0.1", "port": 0, "video_jobs": 0, "api_keys": ()}
    servers = settings.model_copy(update=ours)
    report: dict[str, Any] = {
        "asked": asdict(pace) | {"stand_in": asdict(stand_in), "model": settings.model},
        "store": store,
    }
    try:
        report["stand_in"] = measure(servers, stand_in.make, pictures, pace)
        report["model"] = measure(servers, load, pictures, pace)
    except (ProtocolError, WebSocketException, OSError) as error:
        raise StoreBenchError(f"The streams broke off: {error}") from error
    tell(report, out)


def facts_of(store: str) -> dict[str, str | None]:
    """Return what store it is, and how often what it is told reaches the disk."""
    try:
        facts = read_facts(store)
    except (ValueError, StoreUnreachableError) as error:
        raise StoreBenchError(f"MASKSTREAM_STORE cannot be used: {error}.") from error
    fsync = facts.fsync if facts.append_only else "none"
    return {"product": facts.product, "version": facts.version_text, "fsync": fsync}
