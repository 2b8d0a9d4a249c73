"""A client that a public generator makes of docs/api/openapi.json works with a real server."""

import importlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from support.compose_stack import CHECKOUT
from support.fake_video import FakeDecoder
from support.server import LiveServer, running_server

GENERATOR = Path(sys.executable).with_name("openapi-python-client")
DOCUMENT = CHECKOUT / "docs" / "api" / "openapi.json"
KEY = "a-key-for-testing"
WITHIN_S = 60


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Imports modules of the generated client."""
    if not GENERATOR.exists():
        pytest.skip("no openapi-python-client is installed")
    folder = tmp_path_factory.mktemp("generated")
    (folder / "settings.yml").write_text("post_hooks: []\n")
    command = [GENERATOR, "generate", "--path", DOCUMENT, "--meta", "none"]
    options = ["--output-path", folder / "generated_client", "--config", folder / "settings.yml"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"generated_client.{name}")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("generated_client")]:
        del sys.modules[name]


@pytest.fixture
def live() -> Iterator[LiveServer]:
    decoder = FakeDecoder([np.zeros((32, 48, 3), np.uint8)] * 3, announced=3)
    with running_server(open_video=decoder, api_keys=KEY) as server:
        yield server


@pytest.fixture
def api(generated: Callable[[str], Any], live: LiveServer) -> SimpleNamespace:
    """Calls operations of the client by their names; and its models and types."""

    def call(operation: str, *args: Any, token: str = KEY, **named: Any) -> Any:
        with generated("client").AuthenticatedClient(base_url=live.url, token=token) as client:
            return generated(f"api.{operation}").sync(*args, client=client, **named)

    return SimpleNamespace(call=call, models=generated("models"), types=generated("types"))


def test_models_are_read_with_their_classes(api):
    (summary,) = api.call("models.list_models").models
    model = api.call("models.get_model", summary.name)
    assert (summary.name, model.fingerprint) == ("fake", summary.fingerprint)
    assert [(each.id, each.name, each.thing) for each in model.classes] == [
        (0, "thing", True),
        (1, "x", True),
    ]
    assert model.input_["max_pixels"] > 0


def test_a_video_is_uploaded_done_and_downloaded(api):
    options = api.models.JobOptions(min_score=0.0, classes=["thing"])
    file = api.types.File(payload=io.BytesIO(b"a video"), file_name="street.mp4")
    form = api.models.VideoForm(file=file, options=options)
    video = api.call("videos.submit_video", body=form)
    assert (video.name, video.state) == ("street.mp4", "queued")
    assert (video.options.min_score, video.options.classes) == (0.0, ["thing"])
    until_s = time.monotonic() + WITHIN_S
    while video.state not in ("done", "failed"):
        assert time.monotonic() < until_s
        video = api.call("videos.get_video", video.id)
    assert (video.state, video.frames_done, video.percent) == ("done", 3, 100.0)
    assert video.artifacts == ["ytvis.json"]
    content = api.call("videos.video_artifact", video.id, "ytvis.json")
    assert json.loads(content)
    page = api.call("videos.list_videos")
    assert [each.id for each in page.videos] == [video.id]


def test_refusals_are_problems_with_a_sentence(api):
    problem = api.call("models.get_model", "nobody")
    assert isinstance(problem, api.models.Problem)
    assert (problem.status, problem.code) == (404, "model_unknown")
    problem = api.call("models.list_models", token="no key")
    assert (problem.status, problem.code, problem.detail[-1]) == (401, "unauthorized", ".")


def test_a_ticket_and_the_sessions_of_a_key(api):
    assert len(api.call("tickets.issue_ticket").ticket) == 32
    assert api.call("sessions.list_sessions", here=True).sessions == []
