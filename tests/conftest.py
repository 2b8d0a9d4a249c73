"""Fixtures that every test may use."""

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
import structlog
from hypothesis import settings
from structlog.dev import ConsoleRenderer, plain_traceback

from support.examples import PROFILE
from support.limits import no_longer_than

PROCESSORS = structlog.get_config()["processors"]
PLAIN = {"colors": False, "exception_formatter": plain_traceback}
"""As servers log. By default rich draws every frame with its values, which takes a second each."""

settings.register_profile("maskstream", PROFILE)
settings.load_profile("maskstream")


def one_certificate() -> Path:
    """A file with one certificate: HTTP clients read all of a system's in 30 ms, each time."""
    folder = Path(tempfile.gettempdir())
    text, end, _ = certifi.contents().partition("-----END CERTIFICATE-----")
    handle, name = tempfile.mkstemp(dir=folder, text=True)
    with open(handle, "w") as file:
        file.write(f"{text}{end}\n")
    return Path(name).replace(folder / f"one-certificate-{os.getuid()}.pem")


# Two threads of torch round otherwise than one, which recordings show. Set here, since the
# `conftest.py` of a folder may import torch before `pytest_configure` is called.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure() -> None:
    """Make a run the same from any shell, for itself and its children.

    A run that is a shell's background job ignores Ctrl-C, and its children must not. Weights that
    the user has pulled are no part of it.
    """
    os.environ.setdefault("SSL_CERT_FILE", str(one_certificate()))
    os.environ["MASKSTREAM_WEIGHTS_DIR"] = str(Path(tempfile.gettempdir()) / "nothing-pulled")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def logging_of_its_own() -> Iterator[None]:
    """Logging is the process', and commands set it up: what one test did, the next does not see."""
    level = logging.getLogger().level
    structlog.configure(processors=[*PROCESSORS[:-1], ConsoleRenderer(**PLAIN)])
    yield
    structlog.reset_defaults()
    logging.getLogger().setLevel(level)


@pytest.fixture(autouse=True)
def threads_of_its_own() -> Iterator[None]:
    """Torch's threads are the process', too, and engines and trainings set them."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Let nothing hang before a test,"""
    with no_longer_than():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """in it,"""
    with no_longer_than():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """nor after it: whatever else bounds their waiting, see there."""
    with no_longer_than():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests first that wait for servers: short ones at the end keep all workers busy."""
    items.sort(key=lambda item: "integration" not in item.path.parts)


CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real clips and recorded outputs; tests skip where it is absent.

    `MASKSTREAM_TEST_DATA` names it; by default it is `shared` beside the checkout.
    """
    folder = Path(os.environ.get("MASKSTREAM_TEST_DATA", CHECKOUT.parent / "shared"))
    if not (folder / "reference").is_dir():
        pytest.skip("no test data: MASKSTREAM_TEST_DATA does not name its folder")
    return folder
