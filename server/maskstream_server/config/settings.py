"""Deployment facts of a server, from variables `MASKSTREAM_*`, checked before anything starts.

Where a container mounts its secrets, a file of a setting's name (`maskstream_api_keys`) holds its
value; a variable wins over it. What is empty means the default, but for a list of keys.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from maskstream_model.backends.table import AUTO
from maskstream_server.config.secret_files import FOLDER, SecretFiles
from maskstream_server.config.values import (
    Backend,
    BrokerAddress,
    BucketAddress,
    Folder,
    HostList,
    KeyList,
    Precision,
    PrivateHosts,
    RootPath,
    StoreAddress,
    WebhookSecret,
    Weights,
    WordList,
    with_password,
    without_blanks,
)
from maskstream_server.errors import SettingsError

PREFIX = "MASKSTREAM_"
SECRETS = ("API_KEYS", "STORE", "STORE_PASSWORD", "WEBHOOK_SECRET", "MQTT")
MIB = 1 << 20
GIB = 1 << 30
DAY_S = 24 * 3600.0
SIZE = r"[1-9]\d{0,3}x[1-9]\d{0,3}"


class Settings(BaseSettings):
    """What an operator decides. Sizes are bytes, times seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    # Where it listens, and access control.
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    allowed_origins: WordList = ()
    api_keys: KeyList = ()
    # Without keys: whether it may listen beyond loopback, open to all who reach it, and by which
    # names it may be asked beside `localhost` and numbers; in the form of `video_url_hosts`.
    insecure: bool = False
    allowed_hosts: HostList = ()
    # The path under which a proxy shows the server (/mask), whether it passes that on or not.
    root_path: RootPath = ""
    # The address that it prints when it is ready; None: that on which it listens.
    public_url: str | None = Field(None, pattern=r"^https?://[^/\s]+(/\S*)?$")
    # The page for browsers at /; the API is there without it too.
    page: bool = True

    # What it runs.
    model: str = "demo"
    weights: Weights | None = None
    # VIPSeg presets have several; None is the preset's own.
    task: Literal["instances", "panoptic", "semantic"] | None = None
    # Shorter side of frames in the network, in pixels; None is the preset's own.
    min_size: int | None = Field(None, ge=1)
    # Frames that a model of sentences looks at together (SgMg: 1 to 36); None: the preset's.
    chunk_frames: int | None = Field(None, ge=1)
    device: str = "cpu"
    deterministic: bool = False
    threads: int | None = Field(None, ge=1)
    max_batch: int = Field(8, ge=1)
    # What computes the model's network. Engines take frames of these sizes (width x height, up to
    # eight, separated by commas); others run eagerly.
    backend: Backend = AUTO
    precision: Precision = AUTO
    compile_size: str = Field("1280x720", pattern=rf"^{SIZE}(,{SIZE}){{0,7}}$")
    # The old name of `backend`.
    compile: Backend | None = None
    # A result lists living tracks and those that have just gone, and counts them in 16 bits.
    max_tracks: int = Field(100, ge=1, le=32767)

    # Where sessions live.
    store: StoreAddress = "memory"
    # Of the store in memory; a Redis has its own `maxmemory`. At 80 % no new session is taken.
    store_max_bytes: int = Field(1024 * MIB, ge=1024)
    # Where it comes apart from the address, as a secret does.
    store_password: SecretStr | None = None
    resume_ttl_s: float = Field(120.0, gt=0)
    max_sessions: int = Field(16, ge=1)
    max_viewers: int = Field(64, ge=0)

    # What one client may ask for.
    credit_frames: int = Field(8, ge=1, le=1024)
    max_frame_bytes: int = Field(16 * MIB, ge=1024)
    max_frame_pixels: int = Field(4096 * 2304, ge=1)
    # Whether frames may come as units of H.264, HEVC, AV1, VP8 and VP9; each session that sends
    # them has a decoding process of its own.
    packets: bool = True
    # How long decoding one frame may take, and in how many processes that is done: two or more, so
    # that a slow picture delays no other; None: one per core, up to eight.
    decode_s: float = Field(5.0, gt=0)
    decoders: int | None = Field(None, ge=1, le=64)

    # Connections at once: all, those of one address (a proxy's clients have the proxy's), and
    # WebSockets that have not said hello.
    max_connections: int = Field(512, ge=1)
    max_connections_per_address: int = Field(256, ge=1)
    max_before_hello: int = Field(64, ge=1)
    # Sessions of one address at once; None: as many as there are slots.
    max_sessions_per_address: int | None = Field(None, ge=1)
    # Timeouts of the headers of a request, and of a body without progress.
    request_header_s: float = Field(10.0, gt=0)
    request_stall_s: float = Field(30.0, gt=0)
    # Control messages (acks, pings, flushes) that one client may send in each second in the long
    # run, and twice as many at once.
    max_messages_per_s: float = Field(500.0, ge=1)

    # Whole videos. Their folder is shared by all servers and workers that share a Redis; without
    # a Redis it is a temporary one by default, since videos then end with the process.
    data_folder: Folder | None = None
    # An address like s3://bucket/folder, this deployment's own: results are kept there, and the
    # folder, which may then be any machine's own, has only what is under way. Keys, region and
    # endpoint come from the environment that all programs of AWS read (AWS_ENDPOINT_URL, ...).
    bucket: BucketAddress | None = None
    video_jobs: int = Field(1, ge=0)
    # Where a worker answers /metrics, /healthz and /readyz, at `host`; None: nowhere.
    metrics_port: int | None = Field(None, ge=0, le=65535)
    max_video_bytes: int = Field(4 * GIB, ge=1)
    # What they and all uploads may take together, and what must stay free on their disk.
    data_max_bytes: int | None = Field(None, ge=1)
    min_free_bytes: int = Field(GIB, ge=0)
    # How long a video stays after its last change, and an upload that broke off after its last
    # byte.
    video_retention_s: float = Field(7 * DAY_S, gt=0)
    upload_expiry_s: float = Field(DAY_S, gt=0)
    # An upload of which nothing has come keeps its reservation of disk space for so long.
    upload_begin_s: float = Field(600.0, gt=0)
    checkpoint_frames: int = Field(10, ge=1)

    # Hosts that the server may fetch videos from: names, `*.domain`, or `*` for any; with a port
    # where it is not the usual one. Empty: none. Hosts in private networks (loopback and
    # link-local too) must be listed a second time, in `private_hosts`.
    video_url_hosts: HostList = ()
    private_hosts: PrivateHosts = ()
    # Hosts that webhooks may go to, in the same form, and the secret that signs them: `whsec_` and
    # base64 of 24 bytes or more.
    webhook_hosts: HostList = ()
    webhook_secret: WebhookSecret | None = None
    # The MQTT broker that events of all sessions are published at; it needs the extra `mqtt`.
    # mqtt://[user:password@]host[:port][/prefix], or mqtts:// for TLS.
    mqtt: BrokerAddress | None = None

    # How long things may take.
    hello_timeout_s: float = Field(10.0, gt=0)
    slow_reader_s: float = Field(10.0, gt=0)
    heartbeat_s: float = Field(10.0, gt=0)
    idle_s: float = Field(30.0, gt=0)
    drain_s: float = Field(5.0, gt=0)
    # A result that leaves so long after its frame came counts as late; only metrics look at it.
    late_s: float = Field(0.5, gt=0)

    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    # Where OpenTelemetry traces go (http://collector:4318), and which share of the frames has one.
    otlp_endpoint: str | None = Field(None, pattern=r"^https?://[^/\s]+")
    trace_share: float = Field(0.01, ge=0, le=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from; the first that names one wins."""
        folder = Path(os.environ.get(f"{PREFIX}SECRETS_FOLDER") or FOLDER)
        return init_settings, env_settings, SecretFiles(settings_cls, PREFIX.lower(), folder)

    @model_validator(mode="before")
    @classmethod
    def _cleaned(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = without_blanks(values, kept="api_keys")
        store, password = values.get("store"), values.get("store_password")
        if not (isinstance(store, str) and "://" in store and isinstance(password, str)):
            return values
        return values | {"store": with_password(store, password)}

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> "Settings":
        if self.webhook_hosts and self.webhook_secret is None:
            raise ValueError("MASKSTREAM_WEBHOOK_HOSTS needs MASKSTREAM_WEBHOOK_SECRET")
        return self

    @model_validator(mode="after")
    def _idle_after_heartbeat(self) -> "Settings":
        if self.idle_s <= self.heartbeat_s:
            raise ValueError("MASKSTREAM_IDLE_S must be longer than MASKSTREAM_HEARTBEAT_S")
        return self

    @model_validator(mode="after")
    def _one_backend(self) -> "Settings":
        if self.compile is not None and self.backend not in (AUTO, self.compile):
            raise ValueError("MASKSTREAM_COMPILE is the old name of MASKSTREAM_BACKEND: unset it")
        return self

    @property
    def keeps_no_videos(self) -> bool:
        """Whether videos would outlive the process, and have no place for that."""
        return self.store != "memory" and self.data_folder is None and self.bucket is None

    @cached_property
    def credit_bytes(self) -> int:
        """Bytes that one client may have on the way: enough for two of the largest messages."""
        return 4 * self.max_frame_bytes

    @cached_property
    def max_message_bytes(self) -> int:
        """Beyond this the transport itself cuts the message off (4413), unread."""
        return 2 * self.max_frame_bytes

    @property
    def wanted_backend(self) -> str:
        """The backend, by its new or its old name."""
        return self.backend if self.compile is None else self.compile

    @property
    def compile_frame_sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width in pixels of the frames that engines are built for."""
        sizes = (size.split("x") for size in self.compile_size.split(","))
        return tuple((int(height), int(width)) for width, height in sizes)

    @property
    def heartbeat_ms(self) -> int:
        """Time between the WebSocket pings of the server."""
        return round(1000 * self.heartbeat_s)

    @property
    def idle_ms(self) -> int:
        """Time without a sign of life after which a connection is given up."""
        return round(1000 * self.idle_s)


def load_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """Read the settings; what `overrides` names wins over the environment.

    Raises:
        SettingsError: a value that cannot be; its text is one sentence naming the variable.
    """
    try:
        return Settings(**dict[str, Any](overrides or {}))
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    """Return one sentence for the first fault of `error`."""
    fault = error.errors(include_url=False, include_context=False)[0]
    reason = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return f"{reason}."
    name = PREFIX + str(fault["loc"][0]).upper()
    if fault["type"] == "extra_forbidden":
        return f"{name} is not a setting of this server."
    # Keys, and addresses that may hold a password, are not repeated.
    secret = name.removeprefix(PREFIX) in SECRETS
    value = "***" if secret else repr(fault["input"])
    if fault["type"] == "value_error":
        return f"{name}={value} {reason}."
    return f"{name}={value} cannot be used: {reason[:1].lower()}{reason[1:]}."
