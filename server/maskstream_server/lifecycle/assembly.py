"""Builds a service from settings: the one place where model, engine and store are chosen."""

import os
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from maskstream_model.port import Model
from maskstream_server.config.settings import Settings
from maskstream_server.engine.engine import Engine
from maskstream_server.engine.types import EngineLimits
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.backend import prepare_model
from maskstream_server.lifecycle.deliveries import build_channels
from maskstream_server.lifecycle.models import Models
from maskstream_server.lifecycle.readings import show_decoders, show_device, show_engine
from maskstream_server.lifecycle.service import Service
from maskstream_server.lifecycle.videos import build_videos, decode_upload
from maskstream_server.media.decoder import OpenVideo
from maskstream_server.stores.interface import SessionStore, StoreTimes
from maskstream_server.stores.measured import measured
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.telemetry.metrics import Metrics
from maskstream_server.telemetry.tracing import Tracing
from maskstream_server.telemetry.work_metrics import WorkMetrics


def assemble(settings: Settings, models: Models, open_video: OpenVideo | None = None) -> Service:
    """Put a service together around loaded models.

    Args:
        settings: what the operator decided.
        models: what it runs.
        open_video: decodes whole videos; None: `media` does.

    Raises:
        StartError: the store's address cannot be read, or the data folder not be used.
    """
    registry = new_registry()
    metrics = Metrics(registry)
    engine = build_engine(settings, models.live, metrics)
    show_engine(engine, registry)
    show_device(settings.device, registry)
    owner = owner_name()
    tracing = open_tracing(settings, owner)
    service = Service(
        settings=settings,
        model=engine.model,
        engine=engine,
        store=measured(_store(settings), registry),
        owner=owner,
        metrics=metrics,
        random_bytes=os.urandom,
        clock=time.monotonic,
        videos=build_videos(
            settings,
            models,
            engine,
            open_video or decode_upload(settings),
            tracing=tracing,
            metrics=metrics,
        ),
        tracing=tracing,
        channels=build_channels(settings),
    )
    show_decoders(service.pictures, registry)
    return service


def new_registry() -> CollectorRegistry:
    """Return a registry with the metrics of this process and platform."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def build_engine(
    settings: Settings, model: Model[Any], metrics: WorkMetrics | None = None
) -> Engine[Any]:
    """Return the engine, not yet started."""
    usual = EngineLimits()
    # What a GPU computes for the first time in a shape takes it long; a CPU does not mind.
    on_gpu = torch.device(settings.device).type == "cuda"
    limits = EngineLimits(
        max_batch=settings.max_batch,
        # One frame of each session, and one that its lost connection has left behind.
        max_waiting=max(EngineLimits.max_waiting, 2 * settings.max_sessions),
        deterministic=settings.deterministic,
        num_threads=engine_threads(settings),
        warm_up_sizes=settings.compile_frame_sizes if on_gpu else usual.warm_up_sizes,
        warm_up_batches=tuple(range(1, settings.max_batch + 1))
        if on_gpu
        else usual.warm_up_batches,
    )
    return Engine(model, limits, metrics, prepare=partial(prepare_model, settings, model, metrics))


def engine_threads(settings: Settings, variables: Mapping[str, str] = os.environ) -> int | None:
    """Return the number of CPU threads of the model; None: as many as make it quicker here.

    Args:
        settings: their `threads` come first.
        variables: of the process; with `OMP_NUM_THREADS` the user has named a number, too.
    """
    if settings.threads is not None:
        return settings.threads
    # The number changes sums in their last bits: exact repeats need a fixed one.
    if settings.deterministic:
        return 1
    return torch.get_num_threads() if variables.get("OMP_NUM_THREADS") else None


def owner_name() -> str:
    """Return a name that no other process has."""
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"


def open_tracing(settings: Settings, owner: str) -> Tracing:
    """Return the tracing that the settings name.

    Raises:
        StartError: an endpoint is set, and OpenTelemetry is not installed.
    """
    if settings.otlp_endpoint is None:
        return Tracing()
    try:
        from maskstream_server.telemetry.otel import connect
    except ModuleNotFoundError:
        raise StartError(
            "MASKSTREAM_OTLP_ENDPOINT needs OpenTelemetry: pip install 'maskstream[otel]'."
        ) from None
    return connect(settings.otlp_endpoint, settings.trace_share, owner, time.monotonic)


def _store(settings: Settings) -> SessionStore:
    times = StoreTimes(resume_ttl_s=settings.resume_ttl_s)
    if settings.store == "memory":
        return MemoryStore(times, settings.store_max_bytes)
    # Redis is only imported where it is used.
    from maskstream_server.stores.redis import RedisStore

    try:
        return RedisStore(settings.store, times)
    except ValueError as error:
        raise StartError(f"MASKSTREAM_STORE is no address of a Redis: {error}.") from None
