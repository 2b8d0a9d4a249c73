"""`maskstream bench --flat` against a server."""

import json
import time

from click.testing import CliRunner

from maskstream_client.commands import bench
from maskstream_model.aliases import Frame
from maskstream_model.port import FrameResult
from support.server import FakeModel, running_server


class TiringModel(FakeModel):
    """After 350 frames of a session a step takes long."""

    def track(self, frame: Frame, age: int) -> FrameResult:
        time.sleep(0.02 if age > 351 else 0)
        return super().track(frame, age)


def test_a_model_whose_steps_grow_with_the_session_is_found_out():
    with running_server(model=TiringModel()) as live:
        asked = ("--frames", "400", "--size", "64x48", "--flat")
        done = CliRunner().invoke(bench, ["--url", live.url, *asked])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["frames"] == {"long": 480, "new": 960}
    assert len(report["ratios"]) == len(report["step_ms"]["long"]) == 10
    assert report["ratios"][-1] > 2 * report["ratio"]
