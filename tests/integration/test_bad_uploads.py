"""Uploads that are refused: in a sentence, and with nothing changed."""

import base64

import pytest

from maskstream_server.routes.uploads import UPLOADS_PATH
from support.upload_calls import FILE, OFFLINE, PART, TUS, append, begin, client, live, submit

__all__ = ["client", "live"]


def wishes(encoding: str) -> str:
    text = '{"mode": "online"}'.encode(encoding)
    return "options " + base64.b64encode(text).decode()


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
        (TUS | {"Upload-Length": "5", "Upload-Metadata": "filename \xe9"}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "5", "Upload-Metadata": "n\xe4me YQ=="}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "5", "Upload-Metadata": wishes("utf-16")}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "5", "Upload-Metadata": wishes("utf-16-be")}, 400, "bad_upload"),
        (TUS | {"Upload-Length": "5", "Upload-Metadata": "options /w=="}, 400, "bad_upload"),
        ({"Upload-Length": "5", "Tus-Resumable": "\xe9"}, 412, "tus_version"),
    ],
)
def test_a_bad_beginning_is_refused_in_a_sentence(client, live, headers, status, code):
    before = live.service.videos.api.files.uploads()
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.post(UPLOADS_PATH, headers=encoded)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert live.service.videos.api.files.uploads() == before


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (PART | {"Upload-Offset": "7"}, 409, "offset_mismatch"),
        (PART, 400, "bad_upload"),
        (PART | {"Upload-Offset": "\xb2"}, 400, "bad_upload"),
        (PART | {"Upload-Offset": "\xff"}, 400, "bad_upload"),
        (PART | {"Upload-Offset": "9" * 5000}, 400, "bad_upload"),
        (TUS | {"Upload-Offset": "0", "Content-Type": "\xff"}, 415, "part_type"),
        (TUS | {"Upload-Offset": "0"}, 415, "part_type"),
        ({"Upload-Offset": "0"}, 412, "tus_version"),
    ],
)
def test_a_bad_part_is_refused_and_changes_nothing(client, headers, status, code):
    path = begin(client)
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.patch(path, headers=encoded, content=b"abc")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["tus-version"] == "1.0.0"
    assert client.head(path, headers=TUS).headers["upload-offset"] == "0"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_upload"),
        (b"\xff", 400, "bad_upload"),
        ('{"upload": "a"}'.encode("utf-16"), 400, "bad_upload"),
        (b'{"upload": ' + b"9" * 5000 + b"}", 400, "bad_upload"),
        (b'{"upload": "\\ud800"}', 404, "upload_unknown"),
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


def test_unknown_uploads_and_methods_are_reported(client):
    for path in ("nobody", "%2e%2e", "a%00b"):
        assert client.head(f"{UPLOADS_PATH}/{path}", headers=TUS).status_code == 404
        assert append(client, f"{UPLOADS_PATH}/{path}", 0, b"x").status_code == 404
        assert client.delete(f"{UPLOADS_PATH}/{path}", headers=TUS).status_code == 404
    assert client.post(begin(client), headers=TUS).status_code == 400


FORM = "multipart/form-data; boundary=b"
FILE_PART = b'Content-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nvideo'
OPTIONS_PART = b'Content-Disposition: form-data; name="options"\r\n\r\n'


@pytest.mark.parametrize(
    ("content_type", "parts", "code"),
    [
        ("multipart/form-data; boundary=\xe9", [FILE_PART], "bad_upload"),
        ("multipart/form-data; boundary*=utf-8''%ff", [FILE_PART], "bad_upload"),
        ("multipart/form-data; boundary=" + "b" * 300, [FILE_PART], "bad_upload"),
        ("\xff", [FILE_PART], "bad_upload"),
        (FORM, [b"Content-Disposition: form-data; name=\xff\r\n\r\nvideo"], "bad_upload"),
        (FORM, [b"Content-Disposition: \xff\r\n\r\nvideo"], "bad_upload"),
        (FORM, [b"X-Long: " + b"a" * 100_000 + b"\r\n\r\nvideo"], "bad_upload"),
        (FORM, [FILE_PART, OPTIONS_PART + '{"mode": "online"}'.encode("utf-16")], "bad_upload"),
        (FORM, [FILE_PART, OPTIONS_PART + b"\xff"], "bad_upload"),
        (FORM, [FILE_PART, OPTIONS_PART + b'{"model": "\\ud800"}'], "bad_options"),
    ],
)
def test_a_form_of_strange_bytes_is_refused_in_a_sentence(client, live, content_type, parts, code):
    files = live.service.videos.api.files
    before = files.uploads(), files.videos()
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    headers = {"Content-Type": content_type.encode("latin-1")}
    answer = client.post("/v1/videos", content=body, headers=headers)
    assert (answer.status_code // 100, answer.json()["code"]) == (4, code)
    assert answer.json()["detail"].endswith(".")
    assert (files.uploads(), files.videos()) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": b"bytes=\xff"},
        {"Range": b"bytes=" + b"9" * 5000 + b"-"},
        {"Range": b"bytes=0-1", "If-Range": b"\xff"},
        {"Last-Event-ID": b"\xff"},
        {"Authorization": b"Bearer \xff"},
        {"Origin": b"\xff"},
    ],
)
def test_strange_bytes_in_any_header_are_no_mistake_of_the_server(client, headers):
    path = begin(client)
    append(client, path, 0, FILE)
    video = submit(client, path).json()["id"]
    for path in ("", "/events", "/artifacts/ytvis.json"):
        answer = client.get(f"/v1/videos/{video}{path}", headers=headers)
        assert answer.status_code < 500, answer.text


def test_an_idempotency_key_of_any_bytes_is_one_key(client):
    def ask(key: bytes) -> str:
        headers = {"Idempotency-Key": key}
        answer = client.post("/v1/videos", files={"file": ("a", b"a video")}, headers=headers)
        return answer.json()["id"]

    made = [ask(key) for key in (b"\xff\xfe", b"\xff\xfe", "später".encode())]
    assert made[0] == made[1] != made[2]
