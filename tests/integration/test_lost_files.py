"""Files that the server has lost: reported in a sentence, wherever they are kept."""

from collections.abc import Callable, Iterator

import pytest

from maskstream_client import RefusedError
from maskstream_client.videos import Videos
from support.bucket import ADDRESS, real_bucket, shared_s3
from support.video_world import World, world

__all__ = ["real_bucket", "shared_s3"]


@pytest.fixture(params=["folder", "bucket"])
def here(request: pytest.FixtureRequest, tmp_path) -> Iterator[tuple[World, Callable[[str], None]]]:
    """A server, and what removes a file of a video behind its back."""
    if request.param == "folder":
        with world(data_folder=tmp_path) as made:
            yield made, lambda name: (tmp_path / "videos" / name).unlink()
        return
    bucket = request.getfixturevalue("real_bucket")

    def lose(name: str) -> None:
        found = [each for each in bucket.names() if each.startswith(f"here/videos/{name}")]
        assert found
        for each in found:
            bucket.remove(each)

    with world(bucket=ADDRESS) as made:
        yield made, lose


@pytest.fixture
def video(here) -> str:
    return here[0].done(here[0].submit().json()["id"])["id"]


def test_a_lost_artifact_is_410_in_a_sentence(here, video, tmp_path):
    made, lose = here
    lose(f"{video}/ytvis.json")
    for method in ("GET", "HEAD"):
        answer = made.client.request(method, f"/v1/videos/{video}/artifacts/ytvis.json")
        assert answer.status_code == 410
    answer = made.client.get(
        f"/v1/videos/{video}/artifacts/ytvis.json", headers={"Range": "bytes=5-9"}
    )
    assert (answer.status_code, answer.json()["code"]) == (410, "file_gone")
    assert answer.json()["detail"] == (
        "The server has lost the file 'ytvis.json'; hand the video in again to have it made anew."
    )
    with pytest.raises(RefusedError, match="has lost the file"):
        Videos(made.live.url).download(video, tmp_path / "out")
    assert made.client.get(f"/v1/videos/{video}/results").status_code == 200


def test_lost_results_are_410_in_a_sentence(here, video):
    made, lose = here
    lose(f"{video}/results-1.ndjson")
    answer = made.client.get(f"/v1/videos/{video}/results")
    assert (answer.status_code, answer.json()["code"]) == (410, "file_gone")
    assert "has lost results of the video" in answer.json()["detail"]
    assert made.client.get(f"/v1/videos/{video}/artifacts/ytvis.json").status_code == 200
    with pytest.raises(RefusedError, match="has lost results"):
        list(Videos(made.live.url).results(video))
