"""Whole videos of models that answer late or need prompts."""

import json
import time

import httpx
import pytest

from support.bright_streams import BOTH, LATE, Stand, picture
from support.fake_video import FakeDecoder
from support.server import running_server
from support.stand_ins import stand_in

SOON_S = 60.0


@pytest.mark.parametrize(
    ("stand", "options", "labels"),
    [
        (LATE, {}, {"red", "green"}),
        (LATE, {"classes": ["green"]}, {"green"}),
        (BOTH, {"prompts": [" blue", "red"]}, {"red"}),
    ],
)
def test_a_whole_video_of_such_a_model(stand: Stand, options: dict, labels: set[str]):
    decoder = FakeDecoder([picture(number) for number in range(10)], announced=10)
    with (
        running_server(stand_in(**stand.facts), decoder) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as http,
    ):
        data = {"options": json.dumps(options)}
        video = http.post("/v1/videos", files={"file": b"a video"}, data=data).json()["id"]
        until_s = time.monotonic() + SOON_S
        while (record := http.get(f"/v1/videos/{video}").json())["state"] != "done":
            assert record["state"] != "failed", record
            assert time.monotonic() < until_s, record
            time.sleep(0.05)
        lines = [
            json.loads(line) for line in http.get(f"/v1/videos/{video}/results").text.splitlines()
        ]
    assert [line["frame"] for line in lines] == list(range(10))
    assert {each["label"] for line in lines for each in line["objects"]} == labels
    for name, value in options.items():
        assert record["options"][name] == [each.strip() for each in value]


@pytest.mark.parametrize(
    ("stand", "options", "status", "words"),
    [
        (LATE, {"prompts": ["red"]}, 400, "takes no prompts"),
        (LATE, {"classes": ["cat"]}, 400, "'cat'; the classes are: red, green, blue"),
        (LATE, {"classes": "cat"}, 422, "a list of names"),
        (BOTH, {}, 400, "needs the option prompts"),
        (BOTH, {"prompts": [""]}, 422, "1 to 256 characters"),
    ],
)
def test_options_that_a_model_cannot_fulfil(stand: Stand, options: dict, status: int, words: str):
    with running_server(stand_in(**stand.facts)) as live:
        data = {"options": json.dumps(options)}
        answer = httpx.post(f"{live.url}/v1/videos", files={"file": b"a video"}, data=data)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
