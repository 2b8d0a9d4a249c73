"""What an operator reads and what is built agree with the code; no container engine is needed."""

import re
import tomllib

import yaml

from maskstream_server.config.settings import PREFIX, Settings
from support.compose_stack import CHECKOUT

COMPOSE = (CHECKOUT / "docker-compose.yml").read_text()
EXAMPLE = dict(
    re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", (CHECKOUT / ".env.example").read_text(), re.M)
)
# Settings of servers that the file shows with another value than their default.
EXAMPLES_ONLY = (
    "MODEL",
    "WEIGHTS",
    "MIN_SIZE",
    "THREADS",
    "DECODERS",
    "BUCKET",
    "DATA_MAX_BYTES",
    "MAX_SESSIONS_PER_ADDRESS",
    "OTLP_ENDPOINT",
)
OF_OTHERS = ("AWS_", "HF_")
"""What s3fs reads, and `maskstream weights pull`."""


def test_every_variable_of_the_deployment_is_explained_with_its_default():
    used = dict(re.findall(r"(?<!\$)\$\{([A-Z_]+):-([^}]*)\}", COMPOSE))
    assert used
    assert {name: EXAMPLE.get(name) for name in used} == used


def test_nothing_is_explained_that_does_not_exist():
    known = set(re.findall(r"(?<!\$)\$\{([A-Z_]+):-", COMPOSE)) | {"COMPOSE_PROFILES"}
    for name, value in EXAMPLE.items():
        if name not in known and not name.startswith(OF_OTHERS):
            field = name.removeprefix(PREFIX).lower()
            assert field in Settings.model_fields, name
            if name.removeprefix(PREFIX) not in EXAMPLES_ONLY:
                default = Settings.model_fields[field].default
                assert getattr(Settings(**{field: value}), field) == default, name


def test_prometheus_reaches_every_server_and_worker_where_they_answer():
    services = yaml.safe_load(COMPOSE)["services"]
    scraped = yaml.safe_load((CHECKOUT / "docker/prometheus/prometheus.yml").read_text())
    found = {job["job_name"]: job["dns_sd_configs"][0] for job in scraped["scrape_configs"][:2]}
    for job, kind, variable in (
        ("maskstream", "server", "MASKSTREAM_PORT"),
        ("maskstream-workers", "worker", "MASKSTREAM_METRICS_PORT"),
    ):
        assert found[job]["names"] == [kind]
        for service in (services[kind], services[f"{kind}-gpu"]):
            port = service["environment"][variable]
            assert port == str(found[job]["port"])
            shared = set(service["networks"]) & set(services["prometheus"]["networks"])
            assert [service["networks"][name]["aliases"] for name in shared] == [[kind]]
            assert service["environment"]["MASKSTREAM_HOST"] == "0.0.0.0"
            if kind == "worker":
                assert f":{port}/readyz" in service["healthcheck"]["test"][-1]


def test_prometheus_reaches_the_alertmanager_which_sends_on_what_the_secret_names():
    compose = yaml.safe_load(COMPOSE)
    service = compose["services"]["alertmanager"]
    assert service["profiles"] == ["alerts"]
    asked = yaml.safe_load((CHECKOUT / "docker/prometheus/prometheus.yml").read_text())
    (place,) = asked["alerting"]["alertmanagers"][0]["dns_sd_configs"]
    assert place["names"] == ["alertmanager"]
    assert f":{place['port']}/-/ready" in service["healthcheck"]["test"][-1]
    assert set(service["networks"]) & set(compose["services"]["prometheus"]["networks"])
    sent = yaml.safe_load((CHECKOUT / "docker/alertmanager/alertmanager.yml").read_text())
    (receiver,) = sent["receivers"]
    assert receiver["name"] == sent["route"]["receiver"]
    (webhook,) = receiver["webhook_configs"]
    (secret,) = service["secrets"]
    assert webhook["url_file"] == f"/run/secrets/{secret}"
    assert secret in compose["secrets"]
    rules = yaml.safe_load((CHECKOUT / "docker/prometheus/alerts.yml").read_text())["groups"][0]
    known = {rule["alert"] for rule in rules["rules"]}
    assert set(re.findall(r"Maskstream\w+", str(sent["inhibit_rules"]))) <= known


def test_every_package_of_the_server_is_pinned_in_its_image():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        name_of(each) for each in project["dependencies"] + extras["model"] + extras["server"]
    }
    lines = (CHECKOUT / "docker" / "requirements.txt").read_text().splitlines()[1:]
    assert all("==" in line for line in lines)
    pinned = {name_of(line) for line in lines}
    assert wanted - {"torch", "maskstream"} <= pinned, "run scripts/lock_image.py"


def name_of(requirement: str) -> str:
    """Return the normal form of a package's name."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def test_on_a_gpu_there_is_time_and_memory_to_build_engines_that_are_kept():
    compose = yaml.safe_load(COMPOSE)
    for kind in ("server", "worker"):
        service, plain = compose["services"][f"{kind}-gpu"], compose["services"][kind]
        assert service["environment"]["MASKSTREAM_DEVICE"] == "cuda"
        # `auto` builds engines on a GPU, and the user's file may name another backend.
        assert "MASKSTREAM_BACKEND" not in service["environment"]
        folder = service["environment"]["MASKSTREAM_ENGINES_DIR"]
        (volume,) = (each for each in service["volumes"] if each.startswith("compile-cache:"))
        assert folder.startswith(volume.partition(":")[2] + "/")
        assert service["healthcheck"]["start_period"] == "${GPU_START:-30m}"
        assert service["healthcheck"].get("test") == plain.get("healthcheck", {}).get("test")
        assert service["deploy"]["resources"]["limits"]["memory"] == "${GPU_MEMORY:-16g}"
