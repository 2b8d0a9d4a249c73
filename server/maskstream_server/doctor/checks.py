"""The table of checks, in their order: quick ones first, the model last."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from maskstream_server.config.settings import Settings, load_settings
from maskstream_server.doctor.backends import check_backends
from maskstream_server.doctor.bucket import check_bucket
from maskstream_server.doctor.codecs import check_pictures, check_videos
from maskstream_server.doctor.finding import Finding
from maskstream_server.doctor.folder import check_folder
from maskstream_server.doctor.machine import check_device
from maskstream_server.doctor.model import check_model
from maskstream_server.doctor.network import check_access, check_port, check_traces, check_worker
from maskstream_server.doctor.ownership import check_ownership
from maskstream_server.doctor.store import check_store
from maskstream_server.errors import SettingsError
from maskstream_server.lifecycle.backend import Report


@dataclass(frozen=True)
class Subject:
    """What the checks examine.

    Attributes:
        settings: those that a server or worker would have.
        worker: whether a worker is to run here, not a server.
        adopt: whether store and files are to belong together from now on.
        report: called with what takes minutes while it is done, for people.
    """

    settings: Settings
    worker: bool
    adopt: bool
    report: Report


# What shares a bucket needs to share no folder.
Checks = Mapping[str, Callable[[Subject], Sequence[Finding]]]
CHECKS: Final[Checks] = {
    "device": lambda of: check_device(of.settings.device),
    "pictures": lambda of: check_pictures(),
    "videos": lambda of: check_videos(),
    "worker": lambda of: check_worker(of.settings) if of.worker else [],
    "port": lambda of: [] if of.worker else check_port(of.settings.host, of.settings.port),
    "access": lambda of: [] if of.worker else check_access(of.settings),
    "traces": lambda of: check_traces(of.settings.otlp_endpoint),
    "store": lambda of: check_store(
        of.settings.store, videos=not of.settings.keeps_no_videos, sessions=not of.worker
    ),
    "data folder": lambda of: check_folder(
        of.settings.data_folder,
        "memory" if of.settings.bucket else of.settings.store,
        of.settings.min_free_bytes,
    ),
    "bucket": lambda of: check_bucket(of.settings.bucket),
    "records": lambda of: check_ownership(of.settings, adopt=of.adopt),
    "model": lambda of: check_model(of.settings, of.report),
}
BACKEND_CHECKS: Final[Checks] = {
    "device": CHECKS["device"],
    "backends": lambda of: check_backends(of.settings, of.report),
}


def examine(
    options: Mapping[str, object],
    *,
    worker: bool = False,
    adopt: bool = False,
    checks: Checks = CHECKS,
    report: Report = lambda doing: None,
) -> Iterator[Finding]:
    """Run all checks; each finding comes as soon as it is known.

    Args:
        options: settings that win over the environment.
        worker: see `Subject`, as for the others.
        adopt: likewise.
        checks: what to look at.
        report: likewise.
    """
    try:
        subject = Subject(load_settings(options), worker, adopt, report)
    except SettingsError as error:
        advice = "Correct the option or the variable; nothing else can be looked at before."
        yield Finding("settings", "failed", str(error).rstrip("."), advice)
        return
    for name, check in checks.items():
        yield from _run(name, check, subject)


def _run(
    name: str, check: Callable[[Subject], Sequence[Finding]], subject: Subject
) -> Sequence[Finding]:
    """Run a check; where it breaks down itself, that is the finding."""
    try:
        return check(subject)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        text = f"could not be looked at: {type(error).__name__}: {reason}"
        return [Finding(name, "failed", text, "Please report this; the rest was looked at.")]
