"""Metrics that are read at the moment of a scrape: engine, decoders, device memory."""

import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from prometheus_client import CollectorRegistry, Gauge

from maskstream_server.engine.engine import Engine
from maskstream_server.pictures.pool import PicturePool
from maskstream_server.transport.gate import Gate

STATM = Path("/proc/self/statm")


def show_engine(engine: Engine[Any], registry: CollectorRegistry) -> None:
    """Show what the engine does now; pushed numbers would be old exactly when it hangs."""
    gauge = partial(_show, registry)
    gauge("engine_waiting_frames", "Frames in the engine's queue", lambda: engine.num_waiting)
    gauge("engine_ready", "1 where frames are taken", lambda: engine.ready)
    gauge("engine_step_age_seconds", "How long the step under way has run", engine.stalled_for_s)


def show_decoders(pool: PicturePool, registry: CollectorRegistry) -> None:
    """Show what the decoding processes do now."""
    gauge = partial(_show, registry)
    gauge("decoders_ready", "Processes that decode pictures", lambda: pool.num_alive)
    gauge("decoder_frames", "Frames that are decoded or wait for it", lambda: pool.num_wanted)
    silence = "How long no wanted frame was finished"
    gauge("decoder_silence_seconds", silence, pool.stalled_for_s)


def show_connections(gate: Gate, registry: CollectorRegistry) -> None:
    """Show how many connections are served, of any kind."""
    text = "Connections that are served"
    _show(registry, "connections", text, lambda: gate.num_connections)


def show_device(device: str, registry: CollectorRegistry) -> None:
    """Show the memory of the device that the model runs on."""
    used, total = "Memory in use on the model's device", "Memory of the model's device"
    _show(registry, "device_memory_used_bytes", used, lambda: device_memory(device)[0])
    _show(registry, "device_memory_total_bytes", total, lambda: device_memory(device)[1])


def _show(registry: CollectorRegistry, name: str, text: str, read: Callable[[], float]) -> None:
    Gauge(f"maskstream_{name}", text, registry=registry).set_function(read)


def device_memory(device: str) -> tuple[float, float]:
    """Return bytes in use and in all; NaN where that is unknown.

    For a GPU: of all its processes. For the CPU: this process' own, and the machine's.
    """
    try:
        place = torch.device(device)
        if place.type == "cuda":
            free, total = torch.cuda.mem_get_info(place)
            return total - free, total
        page = os.sysconf("SC_PAGE_SIZE")
        resident_pages = int(STATM.read_text().split()[1])
        return resident_pages * page, os.sysconf("SC_PHYS_PAGES") * page
    except (RuntimeError, AssertionError, OSError, ValueError):
        # A device that has failed must not take the other metrics with it.
        return math.nan, math.nan
