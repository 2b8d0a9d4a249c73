"""`maskstream bench store`: streams through both stores in turns, then takeovers."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from safetensors.numpy import load as load_parts

from maskstream_bench.command import subject, video_argument
from maskstream_bench.pictures import first_frames
from maskstream_bench.report import Measured, Run, ratios, spread
from maskstream_bench.servers import BenchServer, MakeModels, Turns, running_servers
from maskstream_bench.stand_in import StandIn
from maskstream_bench.streams import Samples, endless, send_all
from maskstream_client.async_client import AsyncClient
from maskstream_client.events import Connected, Event
from maskstream_client.pictures import Picture, encode_picture
from maskstream_client.stream_options import StreamOptions
from maskstream_server.command_options import MODEL_OPTIONS, run_with_settings, setting_options
from maskstream_server.config.settings import Settings
from maskstream_server.errors import SettingsError, StoreUnreachableError
from maskstream_server.lifecycle.models import load
from maskstream_server.stores.redis.facts import read_facts


@dataclass(frozen=True)
class Pace:
    """Amount and pace: `rounds` of `frames` to each store, at `fps` or unpaced (None)."""

    rounds: int
    frames: int
    fps: float | None


@subject
@video_argument()
@click.option("--store", help="redis://host:port/db; its sessions are let alone.")
@click.option("--rounds", type=click.IntRange(1), default=21, show_default=True)
@click.option("--frames", type=click.IntRange(1), default=20, show_default=True, help="A round.")
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="Pace  [default: flat out]")
@click.option("--tracks", type=click.IntRange(1), default=20, show_default=True, help="Made up.")
@click.option("--step-ms", type=click.FloatRange(0), default=5.0, show_default=True, help="Theirs.")
@setting_options(*MODEL_OPTIONS)
def store(video: Path | None, tracks: int, step_ms: float, **options: Any) -> Measured:
    """Measure what a shared store costs a stream of VIDEO's frames, and how fast a takeover is.

    Three servers run on this machine, one with the in-process store. They stream in turns, one
    frame in flight: first with a model that only remembers many tracks, then with the real one.
    """
    pace = Pace(*(options.pop(name) for name in ("rounds", "frames", "fps")))
    stand_in = StandIn(tracks, step_s=step_ms / 1000)
    return run_with_settings(
        lambda settings: _measure(settings, video, pace, stand_in),
        {"log_level": "error", "video_jobs": 0, **options},
    )


def _measure(settings: Settings, video: Path | None, pace: Pace, stand_in: StandIn) -> Measured:
    facts = facts_of(settings.store)
    pictures = [encode_picture(pixels) for pixels in first_frames(video)]
    runs = dict[str, Run]()
    makers: dict[str, MakeModels] = {"stand_in": stand_in.models, "model": load}
    for name, make_models in makers.items():
        memory, redis = measure(settings, make_models, pictures, pace)
        runs |= {f"{name}_memory": memory, f"{name}_redis": facts | redis}
    pairs = [(f"{name}_redis", f"{name}_memory") for name in makers]
    return Measured(runs, ratios(runs, "latency_ms", *pairs))


def facts_of(store: str) -> dict[str, Any]:
    """Return which store it is, and how often its writes reach the disk.

    Raises:
        SettingsError: it is not a shared one, or cannot be used.
    """
    if store == "memory":
        raise SettingsError("Name the store to measure: --store redis://host:port/db.")
    try:
        facts = read_facts(store)
    except (ValueError, StoreUnreachableError) as error:
        raise SettingsError(f"MASKSTREAM_STORE cannot be used: {error}.") from error
    fsync = facts.fsync if facts.append_only else "none"
    return {"store": f"{facts.product} {facts.version_text}", "fsync": fsync}


def measure(
    settings: Settings, make_models: MakeModels, pictures: list[Picture], pace: Pace
) -> tuple[Run, Run]:
    """Run three servers, one of them with the in-process store, and measure both stores.

    Args:
        settings: of the servers with the shared store.
        make_models: of all of them.
        pictures: streamed in a circle.
        pace: see `Pace`.
    """
    in_process = settings.model_copy(update={"store": "memory"})
    with running_servers((in_process, settings, settings), make_models) as servers:
        return asyncio.run(_stream(servers, pictures, pace))


async def _stream(
    servers: Sequence[BenchServer], pictures: list[Picture], pace: Pace
) -> tuple[Run, Run]:
    """Stream to the stores in turns, so that load of the machine affects both; then take over."""
    plain, first, second = servers
    options = StreamOptions(max_in_flight=1)
    async with AsyncExitStack() as stack:
        turns = [Turns(server, AsyncClient(server.url, options)) for server in (plain, first)]
        for each in turns:
            await stack.enter_async_context(each.client)
            await each.warm_up(pictures)
        for _ in range(pace.rounds):
            for each in turns:
                await each.take(pictures, pace.frames, pace.fps)
        memory, redis = (each.report() for each in turns)
        session = turns[1].client.session
        parts = first.read(f"/v1/sessions/{session}/state")
        redis["session"] = {"bytes": len(parts), "parts": len(load_parts(parts))}
        times_s = await _take_over(turns[1].client, (second, first), pictures, 2 * pace.rounds)
    redis["takeover_ms"] = spread(times_s, 1e3)
    return memory, redis


async def _take_over(
    client: AsyncClient, servers: Sequence[BenchServer], pictures: list[Picture], times: int
) -> list[float]:
    """Resume at one server after the other; return seconds from connecting to the welcome."""
    took_s = []
    for number, picture in enumerate(endless(pictures, times)):
        await send_all(client, [picture], Samples())
        await client.flush()
        await client.detach()
        options = replace(client.options, resume_token=client.resume_token)
        clock = _OpeningClock()
        client = AsyncClient(servers[number % 2].url, options, on_event=clock)
        await client.open()
        took_s.append(clock.took_s)
    await client.close()
    return took_s


class _OpeningClock:
    """Measures the time from its creation to the server's welcome."""

    def __init__(self) -> None:
        self._began_s, self.took_s = time.perf_counter(), 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Connected):
            self.took_s = time.perf_counter() - self._began_s
