"""The deployment pulls what `.env` names before a server starts, and serves it; real containers."""

import io
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest
import torch

from maskstream_client import connect
from support.certificates import self_signed
from support.compose_stack import BUILD_S, UP_S, Stack, engine_answers
from support.hub import Hub, stand_in_hub
from support.limits import no_longer_than
from support.sample_clip import sample_clip
from support.videomt import made_up_weights, vits_config

PRESET = "videomt_vits_ytvis19"
FILE = "tue-mps/VidEoMT/yt_2019_vit_small_52.8.pth"
TRUSTED = "/run/hub.pem"

pytestmark = pytest.mark.skipif(
    not engine_answers(), reason="no container engine answers to `docker info`"
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub on this machine, at an address of it that containers reach."""
    which = "{{(index .IPAM.Config 0).Gateway}}"
    asked = ["docker", "network", "inspect", "bridge", "--format", which]
    host = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    certificate = self_signed(tmp_path_factory.mktemp("hub"), f"IP:{host}")
    with stand_in_hub(certificate, host) as hub:
        yield hub


@pytest.fixture(scope="module")
def stack(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("deployment")
    certificate = folder / "hub.pem"
    certificate.write_text(ssl.get_server_certificate((hub.receiver.host, hub.receiver.port)))
    settings = {
        "MASKSTREAM_MODEL": PRESET,
        "HF_ENDPOINT": f"https://{hub.receiver.authority}",
        "SSL_CERT_FILE": TRUSTED,
    }
    stack = Stack(
        folder,
        "".join(f"{name}={value}\n" for name, value in settings.items()),
        services=("server", "proxy"),
        changes={"weights": {"volumes": [f"{certificate}:{TRUSTED}:ro"]}},
    )
    try:
        with no_longer_than(BUILD_S):
            stack.prepare()
        yield stack
    finally:
        print(stack.compose("logs", "--tail", "40"))
        stack.down()


def published() -> bytes:
    """Return the file as its authors write it, with made-up weights."""
    config, content = vits_config(), io.BytesIO()
    torch.save({"state_dict": made_up_weights(config.network, config.num_classes)}, content)
    return content.getvalue()


def fingerprint(stack: Stack) -> str:
    with stack.client() as client:
        (model,) = client.get("/v1/models").json()["models"]
    assert model["name"] == PRESET
    return str(model["fingerprint"])


def test_a_deployment_serves_what_its_file_of_settings_names(
    stack: Stack, hub: Hub, monkeypatch: pytest.MonkeyPatch
):
    with no_longer_than(3 * UP_S):
        # Nothing is there: no server starts, and a sentence says why.
        up = ("up", "--detach", "--wait", *stack.services)
        failed = stack.run(*up, within_s=UP_S)
        assert failed.returncode != 0
        assert "weights" in failed.stderr.splitlines()[-1]
        assert "answers 404" in stack.compose("logs", "--no-log-prefix", "weights")
        assert "server" not in [state["Service"] for state in stack.states()]

        hub.files[FILE] = published()
        stack.up(num_servers=1)
        said = stack.compose("logs", "--no-log-prefix", "weights")
        assert "Licence of the weights: not stated." in said
        assert f"/{PRESET}.safetensors: {PRESET}, fingerprint {fingerprint(stack)}" in said

        monkeypatch.setenv("SSL_CERT_FILE", str(stack.certificate))
        frames = list(sample_clip(height=64, width=96, num_frames=3, seed=1).frames)
        with (
            connect(stack.ws_url, api_key=stack.api_key, min_score=0.0) as client,
            closing(client.stream(frames, every_frame=True)) as stream,
        ):
            assert [result.drop_reason for _, result in stream] == [None] * len(frames)
        assert "Read-only file system" in stack.inside(
            "server", "sh", "-c", "touch $MASKSTREAM_WEIGHTS_DIR/file 2>&1; true"
        )

        # Another start asks nobody, and has the same model.
        before = fingerprint(stack)
        stack.compose("down", within_s=UP_S)
        hub.receiver.asked.clear()
        stack.up(num_servers=1)
        assert fingerprint(stack) == before
        assert hub.receiver.asked == []
