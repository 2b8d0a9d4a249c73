"""What an operator reads and what is built agree with the code; no container engine is needed."""

import re
import tomllib

from maskstream_server.settings import PREFIX, Settings
from support.compose_stack import CHECKOUT

COMPOSE = (CHECKOUT / "docker-compose.yml").read_text()
EXAMPLE = dict(
    re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", (CHECKOUT / ".env.example").read_text(), re.M)
)
# Settings of servers that the file shows with another value than their default.
EXAMPLES_ONLY = (
    "MODEL",
    "WEIGHTS",
    "THREADS",
    "BUCKET",
    "DATA_MAX_BYTES",
    "COMPILE",
    "OTLP_ENDPOINT",
)
OF_OTHERS = "AWS_"
"""What s3fs reads."""


def test_every_variable_of_the_deployment_is_explained_with_its_default():
    used = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", COMPOSE))
    assert used
    assert {name: EXAMPLE.get(name) for name in used} == used


def test_nothing_is_explained_that_does_not_exist():
    known = set(re.findall(r"\$\{([A-Z_]+):-", COMPOSE)) | {"COMPOSE_PROFILES"}
    for name, value in EXAMPLE.items():
        if name not in known and not name.startswith(OF_OTHERS):
            field = name.removeprefix(PREFIX).lower()
            assert field in Settings.model_fields, name
            if name.removeprefix(PREFIX) not in EXAMPLES_ONLY:
                default = Settings.model_fields[field].default
                assert getattr(Settings(**{field: value}), field) == default, name


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
