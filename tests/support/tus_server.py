"""A small server of resumable uploads by the public protocol (https://tus.io), under uvicorn.

It was written from the protocol's page, not from ours, so that a client that works with it works
with other servers too. `POST /v1/videos` makes a video of a finished upload, or of a form.
"""

import base64
import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from maskstream_server.lifecycle.server import bind, url_of


@dataclass
class TusUpload:
    """One upload: what it was called, how long it will be, and what is here of it."""

    name: str
    length: int
    offset: int = 0
    data: bytearray = field(default_factory=bytearray)


@dataclass
class TusServer:
    """The state of the server, and what was asked of it.

    Attributes:
        answers: statuses (and problem documents) that the next requests of a method get instead.
        uploads: by id.
        videos: each with the key, and what came.
        requests: method, path and `Authorization` of each.
        num_received: bytes of all PATCH bodies.
        keeps: whether it keeps what comes, or only counts.
        resumable: whether `/v1/uploads` is there.
        lose_answers: to so many submissions, after the video was made.
    """

    answers: dict[str, list[tuple[int, dict]]] = field(default_factory=dict)
    uploads: dict[str, TusUpload] = field(default_factory=dict)
    videos: dict[str, dict] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    num_received: int = 0
    keeps: bool = True
    resumable: bool = True
    lose_answers: int = 0
    url: str = ""
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def asked(self, method: str) -> int:
        return sum(each[0] == method for each in self.requests)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/uploads", self._seen(self._create), methods=["POST"]),
                Route(
                    "/v1/uploads/{id}",
                    self._seen(self._upload),
                    methods=["HEAD", "PATCH", "DELETE"],
                ),
                Route("/v1/videos", self._seen(self._submit), methods=["POST"]),
            ]
        )

    def _seen(self, handle):
        async def seen(request: Request) -> Response:
            key = request.headers.get("authorization")
            self.requests.append((request.method, request.url.path, key))
            if request.url.path.startswith("/v1/uploads"):
                assert request.headers["tus-resumable"] == "1.0.0"
            if self.answers.get(request.method):
                status, problem = self.answers[request.method].pop(0)
                headers = problem.pop("headers", None)
                return JSONResponse(problem, status, headers)
            answer = await handle(request)
            answer.headers["Tus-Resumable"] = "1.0.0"
            return answer

        return seen

    async def _create(self, request: Request) -> Response:
        if not self.resumable:
            return JSONResponse({"detail": "Not Found"}, 404)
        pairs = (pair.split(" ") for pair in request.headers["upload-metadata"].split(","))
        metadata = {key: base64.b64decode(value, validate=True).decode() for key, value in pairs}
        assert metadata.keys() == {"filename", "options"}
        upload = TusUpload(metadata["filename"], int(request.headers["upload-length"]))
        number = f"up {next(self._ids)}"
        self.uploads[number] = upload
        return Response(status_code=201, headers={"Location": f"{request.url.path}/{number}"})

    async def _upload(self, request: Request) -> Response:
        upload = self.uploads.get(request.path_params["id"])
        if upload is None:
            return Response(status_code=404)
        if request.method == "DELETE":
            del self.uploads[request.path_params["id"]]
            return Response(status_code=204)
        status = 200
        if request.method == "PATCH":
            status = await self._append(upload, request)
        headers = {"Upload-Offset": str(upload.offset), "Cache-Control": "no-store"}
        return Response(status_code=status, headers=headers | {"Upload-Length": str(upload.length)})

    async def _append(self, upload: TusUpload, request: Request) -> int:
        assert request.headers["content-type"] == "application/offset+octet-stream"
        if int(request.headers["upload-offset"]) != upload.offset:
            return 409
        with contextlib.suppress(ClientDisconnect):
            async for block in request.stream():
                upload.offset += len(block)
                self.num_received += len(block)
                if self.keeps:
                    upload.data += block
        assert upload.offset <= upload.length
        return 204

    async def _submit(self, request: Request) -> Response:
        key = request.headers["idempotency-key"]
        known = next((id for id, video in self.videos.items() if video["key"] == key), None)
        if known is None:
            if request.headers["content-type"] == "application/json":
                came = self._named(await request.json())
            else:
                async with request.form() as form:
                    came = {
                        "name": form["file"].filename,
                        "data": await form["file"].read() if self.keeps else b"",
                        "options": form["options"],
                    }
            known = f"video{next(self._ids)}"
            self.videos[known] = {"key": key} | came
        record = {"id": known, "name": self.videos[known]["name"], "state": "queued"}
        answer = JSONResponse(record, 202)
        if self.lose_answers:
            self.lose_answers -= 1
            answer.headers["Content-Length"] = "10000"
        return answer

    def _named(self, body: dict) -> dict:
        """What is handed in by the name of an upload, or by its address."""
        if "url" in body:
            return {"name": body["url"]} | body
        upload = self.uploads[body["upload"]]
        assert upload.offset == upload.length
        return {"name": upload.name, "data": bytes(upload.data), "options": body["options"]}


@contextlib.contextmanager
def tus_server(**state) -> Iterator[TusServer]:
    """Run one on a free port."""
    state = TusServer(**state)
    config = uvicorn.Config(state.app(), log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    bound = bind("127.0.0.1", 0)
    state.url = url_of(bound)
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.01)
    try:
        yield state
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        bound.close()
