"""Associated queries over a real socket: a client gets what the model gives."""

from maskstream_client import connect
from support.running import run
from support.server import running_server
from support.tiny import tiny_associated_model, tiny_frames

FRAMES = tiny_frames(16, seed=2)


def test_a_stream_has_the_ids_and_ends_of_the_models_own_run():
    outputs, _ = run(tiny_associated_model(), FRAMES)
    expected = [
        dict(zip(output.track_ids.tolist(), output.status.tolist(), strict=True))
        for output in outputs
    ]
    assert {status for frame in expected for status in frame.values()} == {0, 1, 2, 3}
    with (
        running_server(tiny_associated_model(), deterministic=True) as live,
        connect(live.url, picture="rgb24", min_score=0.0) as client,
    ):
        results = [result for _, result in client.stream(FRAMES)]
    heard = [{item.track_id: int(item.status) for item in result.objects} for result in results]
    assert heard == expected
