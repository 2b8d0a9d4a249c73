"""What is around a server or worker: its port, who may come in, and the receiver of its traces."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib.util import find_spec
from urllib.parse import urlsplit

from maskstream_server.config.settings import Settings
from maskstream_server.doctor.finding import Finding
from maskstream_server.errors import SettingsError, StartError
from maskstream_server.http.access import check_open
from maskstream_server.lifecycle.server import bind
from maskstream_server.lifecycle.worker import check_shared

WITHIN_S = 3.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}


def check_worker(settings: Settings) -> Sequence[Finding]:
    """Look whether a worker has what it shares with servers, and its port, where it has one."""
    try:
        check_shared(settings)
    except StartError as error:
        advice = "A worker needs the store and the folder (or bucket) of its servers, and a job."
        return [Finding("worker", "failed", str(error).rstrip("."), advice)]
    port = settings.metrics_port
    if port is None:
        return [Finding("worker", "ok", "listens nowhere (no --metrics-port)")]
    return check_port(settings.host, port, "--metrics-port")


def check_port(host: str, port: int, options: str = "--host, --port") -> Sequence[Finding]:
    """Look whether the server could listen, or does so already."""
    try:
        bind(host, port).close()
    except StartError as error:
        if _is_ours(host, port):
            return [Finding("port", "ok", f"{host} port {port}: Maskstream listens here already")]
        advice = f"Stop what listens there, or choose another: {options}."
        return [Finding("port", "failed", str(error).rstrip("."), advice)]
    return [Finding("port", "ok", f"{host} port {port} is free")]


def check_access(settings: Settings) -> Sequence[Finding]:
    """Look who would be let in; nothing where the address cannot be listened on."""
    if settings.api_keys:
        return [Finding("access", "ok", f"{len(settings.api_keys)} API keys")]
    try:
        with bind(settings.host, 0) as bound:
            check_open(bound.getsockname()[0], settings)
    except SettingsError as error:
        reason, _, advice = str(error).partition(": ")
        return [Finding("access", "failed", reason, f"{advice[:1].upper()}{advice[1:]}")]
    except StartError:
        return []
    if settings.insecure:
        advice = "Set MASKSTREAM_API_KEYS, unless you trust every client that reaches it."
        return [Finding("access", "warning", "no API keys: every client may come in", advice)]
    return [Finding("access", "ok", "no API keys: only this machine may come in")]


def _is_ours(host: str, port: int) -> bool:
    url = f"http://{EVERYWHERE.get(host, host)}:{port}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:
            return "ok" in json.loads(answer.read(1000))
    except (OSError, ValueError, urllib.error.URLError):
        return False


def check_traces(endpoint: str | None) -> Sequence[Finding]:
    """Look whether traces reach their receiver; nothing where none is set."""
    if endpoint is None:
        return []
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        advice = "Install it: pip install 'maskstream[otel]'; or unset MASKSTREAM_OTLP_ENDPOINT."
        return [Finding("traces", "failed", "OpenTelemetry is not installed", advice)]
    address = urlsplit(endpoint)
    port = address.port or (443 if address.scheme == "https" else 80)
    place = f"{address.hostname} port {port}"  # without the password that may stand before it
    try:
        socket.create_connection((address.hostname or "", port), WITHIN_S).close()
    except OSError as error:
        advice = "Start the OTLP receiver, or unset MASKSTREAM_OTLP_ENDPOINT; streams continue."
        return [Finding("traces", "warning", f"{place} does not answer: {error}", advice)]
    return [Finding("traces", "ok", f"{place} answers")]
