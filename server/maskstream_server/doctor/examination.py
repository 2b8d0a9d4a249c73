"""The order in which the doctor looks: quick things first, the model last."""

from collections.abc import Iterator, Mapping, Sequence

from maskstream_server.config.settings import Settings, load_settings
from maskstream_server.doctor.bucket import look_at_bucket
from maskstream_server.doctor.codecs import look_at_pictures, look_at_videos
from maskstream_server.doctor.finding import Finding, examined
from maskstream_server.doctor.folder import look_at_folder
from maskstream_server.doctor.machine import look_at_device
from maskstream_server.doctor.model import look_at_model
from maskstream_server.doctor.network import (
    look_at_access,
    look_at_port,
    look_at_traces,
    look_at_worker,
)
from maskstream_server.doctor.ownership import look_at_ownership
from maskstream_server.doctor.store import look_at_store
from maskstream_server.errors import SettingsError


def examine(
    options: Mapping[str, object], *, worker: bool = False, adopt: bool = False
) -> Iterator[Finding]:
    """Look at everything; each finding comes as soon as it is known.

    Args:
        options: settings that win over the environment.
        worker: whether a worker shall run here, not a server.
        adopt: whether store and files shall belong together from now on.
    """
    try:
        settings = load_settings(options)
    except SettingsError as error:
        advice = "Correct the option or the variable; nothing else can be looked at before."
        yield Finding("settings", "failed", str(error).rstrip("."), advice)
        return
    yield from _look(settings, worker, adopt)


def _look(settings: Settings, worker: bool, adopt: bool) -> Iterator[Finding]:
    yield from examined("device", lambda: look_at_device(settings.device))
    yield from examined("pictures", look_at_pictures)
    yield from examined("videos", look_at_videos)
    if worker:
        yield from examined("worker", lambda: look_at_worker(settings))
    else:
        yield from examined("port", lambda: look_at_port(settings.host, settings.port))
        yield from examined("access", lambda: look_at_access(settings))
    yield from examined("traces", lambda: look_at_traces(settings.otlp_endpoint))
    yield from examined("store", lambda: _store(settings, worker))
    yield from examined("data folder", lambda: _folder(settings))
    bucket = settings.bucket
    if bucket is not None:
        yield from examined("bucket", lambda: look_at_bucket(bucket))
    if settings.data_folder is not None or bucket is not None:
        yield from examined("records", lambda: look_at_ownership(settings, adopt=adopt))
    yield from examined("model", lambda: look_at_model(settings))


def _store(settings: Settings, worker: bool) -> Sequence[Finding]:
    return look_at_store(settings.store, videos=not settings.keeps_no_videos, sessions=not worker)


def _folder(settings: Settings) -> Sequence[Finding]:
    # What shares a bucket needs to share no folder.
    store = settings.store if settings.bucket is None else "memory"
    return look_at_folder(settings.data_folder, store, settings.min_free_bytes)
