"""Uploads that are refused: in a sentence, and with nothing changed."""

import pytest

from maskstream_server.routes.uploads import UPLOADS_PATH
from support.upload_calls import OFFLINE, PART, TUS, append, begin, client, live

__all__ = ["client", "live"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload-Length": "5"}, 412, "tus_version"),
        ({"Upload-Length": "5", "Tus-Resumable": "0.2.2"}, 412, "tus_version"),
        (TUS, 400, "bad_upload"),
        (TUS | {"Upload-Defer-Length": "1"}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "-5"}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "0"}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "²"}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "9" * 30}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "9" * 15}, 413, "upload_too_large"),
        (TUS | {"Upload-Length": "5", "Upload-Metadata": "filename %"}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "5", "Upload-Metadata": OFFLINE}, 400, "not_of_model"),
        (TUS | {"Upload-Length": "5", "Upload-Metadata": "a" * 5000}, 400, "bad_upload"),
    ],
)
def test_a_bad_beginning_is_refused_in_a_sentence(client, live, headers, status, code):
    before = live.service.videos.desk.files.uploads()
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.post(UPLOADS_PATH, headers=encoded)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert live.service.videos.desk.files.uploads() == before


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (PART | {"Upload-Offset": "7"}, 409, "offset_mismatch"),
        (PART, 400, "bad_upload"),
        (TUS | {"Upload-Offset": "0"}, 415, "part_type"),
        ({"Upload-Offset": "0"}, 412, "tus_version"),
    ],
)
def test_a_bad_part_is_refused_and_changes_nothing(client, headers, status, code):
    path = begin(client)
    answer = client.patch(path, headers=headers, content=b"abc")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["tus-version"] == "1.0.0"
    assert client.head(path, headers=TUS).headers["upload-offset"] == "0"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_upload"),
        (b"[]", 400, "bad_upload"),
        (b"{}", 400, "bad_upload"),
        (b'{"upload": 3}', 400, "bad_upload"),
        (b'{"upload": "a", "speed": 2}', 400, "bad_upload"),
        (b'{"upload": "' + b"a" * 70_000 + b'"}', 400, "bad_upload"),
        (b'{"upload": "nobody"}', 404, "upload_unknown"),
        (b'{"upload": "../../etc"}', 404, "upload_unknown"),
    ],
)
def test_a_bad_submission_is_refused_in_a_sentence(client, body, status, code):
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = client.post("/v1/videos", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_unknown_uploads_and_methods_are_told(client):
    for path in ("nobody", "%2e%2e", "a%00b"):
        assert client.head(f"{UPLOADS_PATH}/{path}", headers=TUS).status_code == 404
        assert append(client, f"{UPLOADS_PATH}/{path}", 0, b"x").status_code == 404
        assert client.delete(f"{UPLOADS_PATH}/{path}", headers=TUS).status_code == 404
    assert client.post(begin(client), headers=TUS).status_code == 400
