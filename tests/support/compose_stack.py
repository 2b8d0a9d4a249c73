"""The deployment of docker-compose.yml in real containers, under a name and on ports of its own.

Variables reach compose as they are: TORCH_CPU_INDEX, names of images, and the like. Two are the
tests' own: COMPOSE_OVERRIDES names further compose files, COMPOSE_WITHOUT services to leave out.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

CHECKOUT = Path(__file__).resolve().parents[2]
SERVICES = ("redis", "server", "worker", "proxy", "prometheus", "grafana")
NUM_SERVERS = 2
BUILD_S = 1800.0
UP_S = 1200.0
SETTINGS = """\
MASKSTREAM_DETERMINISTIC=true
MASKSTREAM_CHECKPOINT_FRAMES=4
MASKSTREAM_MAX_VIDEO_BYTES=8388608
"""
# On a machine that is busy otherwise servers take minutes to start, and half a minute to stop.
PATIENT = {"healthcheck": {"start_period": "15m"}}
# PID 1 is docker's init; its child is what the container is for.
KILL = "kill -9 $(cat /proc/1/task/1/children)"
ASK = (
    "import sys, urllib.request as r;"
    "sys.stdout.write(r.urlopen('http://127.0.0.1:8000' + sys.argv[1]).read().decode())"
)


def engine_answers() -> bool:
    """Whether there is a container engine that this user may use."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


class Stack:
    """A deployment whose passwords, settings and weights lie in `folder`.

    Args:
        folder: empty.
        settings: lines of its `.env`.
        services: that are started, with those that they wait for.
        changes: of services of the compose file, by name.
    """

    def __init__(
        self,
        folder: Path,
        settings: str = SETTINGS,
        services: Sequence[str] = SERVICES,
        changes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.folder = folder
        self._settings = settings
        without = os.environ.get("COMPOSE_WITHOUT", "").split()
        self.services = [service for service in services if service not in without]
        changed = dict.fromkeys(("server", "worker"), PATIENT) | dict(changes or {})
        (folder / "changes.json").write_text(json.dumps({"services": changed}))
        self.public_port, self.prometheus_port, self.grafana_port = free_ports(3)
        self.certificate = folder / "root.crt"
        overrides = os.environ.get("COMPOSE_OVERRIDES", "").split()
        files = ["docker-compose.yml", str(folder / "changes.json"), *overrides]
        options = [part for file in files for part in ("--file", file)]
        name = f"maskstream-test-{os.getpid()}-{self.public_port}"
        self._command = ["docker", "compose", *options, "--project-name", name]
        self._environment = os.environ | {
            "COMPOSE_PROFILES": "cpu",
            "ENV_FILE": str(folder / "env"),
            "SECRETS_FOLDER": str(folder / "secrets"),
            "WEIGHTS_FOLDER": str(folder / "weights"),
            "SERVER_IMAGE": os.environ.get("SERVER_IMAGE", "maskstream-server-test"),
            "PUBLIC_ADDRESS": "127.0.0.1",
            "PUBLIC_PORT": str(self.public_port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            "GRAFANA_PORT": str(self.grafana_port),
            "REDIS_APPENDFSYNC": "always",
            "STOP_GRACE": "120s",
        }

    def prepare(self) -> None:
        """Make what compose needs, and build the image."""
        (self.folder / "env").write_text(self._settings)
        subprocess.run(
            [CHECKOUT / "docker" / "prepare.sh"], check=True, env=self._environment, cwd=CHECKOUT
        )
        self.compose("build", *set(self.services) & {"server"}, within_s=BUILD_S)

    def up(self, num_servers: int = NUM_SERVERS) -> None:
        """Start everything; returns when all of it is healthy."""
        scale = ["--scale", f"server={num_servers}"]
        self.compose("up", "--detach", "--wait", *scale, *self.services, within_s=UP_S)
        root = "/data/caddy/pki/authorities/local/root.crt"
        self.certificate.write_text(self.compose("exec", "-T", "proxy", "cat", root))

    def down(self) -> None:
        """Remove containers, networks and volumes."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "30", within_s=UP_S)

    def compose(self, *arguments: str, within_s: float = 60.0) -> str:
        """Run `docker compose` and return what it prints."""
        done = self.run(*arguments, within_s=within_s)
        assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stderr[-3000:]}"
        return done.stdout

    def run(self, *arguments: str, within_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run `docker compose`, which may fail."""
        return subprocess.run(
            [*self._command, *arguments],
            capture_output=True,
            text=True,
            timeout=within_s,
            env=self._environment,
            cwd=CHECKOUT,
            check=False,
        )

    @property
    def url(self) -> str:
        """Of the one public port."""
        return f"https://localhost:{self.public_port}"

    @property
    def ws_url(self) -> str:
        return self.url.replace("https", "wss", 1)

    @property
    def api_key(self) -> str:
        return (self.folder / "secrets" / "api_keys").read_text()

    def client(self, **options: Any) -> httpx.Client:
        """Return a client of the public port, with a key."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        trust = ssl.create_default_context(cafile=str(self.certificate))
        options = {"base_url": self.url, "headers": headers, "timeout": 60.0} | options
        return httpx.Client(verify=trust, **options)

    def inside(self, service: str, *command: str, index: int = 1) -> str:
        """Run a command in a container."""
        return self.compose("exec", "-T", "--index", str(index), service, *command)

    def kill(self, service: str, index: int = 1) -> None:
        """Send SIGKILL to the process of a container."""
        self.inside(service, "sh", "-c", KILL, index=index)

    def states(self, every: bool = False) -> list[dict[str, Any]]:
        """Return what compose knows of each container that runs, or of `every` one."""
        output = self.compose("ps", *(["--all"] if every else []), "--format", "json")
        return [json.loads(line) for line in output.splitlines()]

    def wait_until_healthy(self, within_s: float = 180.0) -> None:
        """Wait until every container has come back."""
        until = time.monotonic() + within_s
        while any(state["Health"] != "healthy" for state in self.states()):
            assert time.monotonic() < until, self.states()
            time.sleep(1.0)

    def holders(self) -> list[int]:
        """Return the numbers of the servers that hold a session with a connection."""
        return [index for index in range(1, NUM_SERVERS + 1) if self._num_live(index) > 0]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Ask Prometheus."""
        address = f"http://127.0.0.1:{self.prometheus_port}/api/v1/query"
        answer = httpx.get(address, params={"query": expression}, timeout=30.0)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def _num_live(self, index: int) -> float:
        output = self.inside("server", "python", "-c", ASK, "/metrics", index=index)
        (line,) = [
            line for line in output.splitlines() if line.startswith("maskstream_sessions_live ")
        ]
        return float(line.split()[1])


def free_ports(number: int) -> list[int]:
    """Return ports of the loopback interface that nobody uses at present."""
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
