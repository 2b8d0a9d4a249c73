"""Submits a file: by a resumable upload (tus), or as a form where the server has none.

A file that is named by its address is fetched by the server.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from maskstream_client.errors import ConnectionFailedError, RefusedError
from maskstream_client.urls import resolved
from maskstream_client.video_record import Video, video_from
from maskstream_client.videos import tus
from maskstream_client.videos.form import Form, video_form
from maskstream_client.videos.http import VIDEOS_PATH, Http
from maskstream_client.videos.retrying import TransientError
from maskstream_client.videos.source_file import SourceFile
from maskstream_client.videos.video_options import Submission, VideoOptions

UploadProgress = Callable[[int, int], object]
"""Called with uploaded and total bytes."""
Remember = Callable[[Submission], object]
"""Called after every step from which another process can resume."""


async def submit_address(
    http: Http, url: str, options: VideoOptions, submission: Submission, remember: Remember
) -> Video:
    """Ask for the results of a file that the server fetches."""
    remember(submission)
    body = {"url": url, "options": options.to_json()}
    video = await _submit(http, body, submission)
    remember(replace(submission, video=video.id))
    return video


async def _submit(http: Http, body: Mapping[str, Any], submission: Submission) -> Video:
    headers = _key(submission)
    return await http.read(video_from, "POST", VIDEOS_PATH, headers=headers, json=body)


def _key(submission: Submission) -> dict[str, str]:
    return {"Idempotency-Key": submission.key}


@dataclass
class Uploader:
    """Submits one file."""

    http: Http
    file: SourceFile
    options: VideoOptions
    submission: Submission
    progress: UploadProgress
    remember: Remember
    _furthest: int = 0

    async def submit(self) -> Video:
        """Upload the file and ask for its results."""
        self._remember()
        address = await self._begin()
        if address is None:
            return await self.submit_form()
        video = await self._submit_upload(await self._upload(address))
        self._remember(video=video.id)
        return video

    async def _submit_upload(self, address: str) -> Video:
        body = {"upload": tus.upload_id(address), "options": self.options.to_json()}
        return await _submit(self.http, body, self.submission)

    async def _begin(self) -> str | None:
        """Find the upload, or make it; None where the server has no resumable ones."""
        address = self.submission.upload
        try:
            if address is not None:
                await self.http.with_retries(lambda: self._offset(address))
                return address
        except RefusedError as error:
            if error.status not in tus.GONE:
                raise
        try:
            return await self.http.with_retries(self._create)
        except RefusedError as error:
            if error.status not in tus.ABSENT:
                raise
        self.http.retry.note_answer()
        return None

    async def _create(self) -> str:
        self._furthest = 0
        collection = urljoin(self.http.place.base, tus.UPLOADS_PATH)
        name, options = self.file.path.name, self.options.to_json()
        headers = tus.creation_headers(name, self.file.num_bytes, options)
        answer = await self.http.request("POST", collection, headers=headers)
        with self.http.reading():
            created = tus.created_at(collection, answer.headers)
        address = resolved(self.http.place.base, created)
        self._remember(upload=address)
        return address

    async def _upload(self, address: str | None) -> str:
        """Send what the server does not have yet; returns where the upload is in the end."""
        offset = None
        while address is None or offset != self.file.num_bytes:
            try:
                if address is None:
                    address = await self._create()
                elif offset is None:
                    offset = await self._offset(address)
                else:
                    offset = await self._patch(address, offset)
                continue
            except TransientError as error:
                failed = error
            except RefusedError as error:
                if error.status not in (*tus.GONE, tus.CONFLICT):
                    raise
                failed = TransientError(error)
                address = None if error.status in tus.GONE else address
            offset = None
            await self.http.wait_to_retry(failed)
        return address

    async def _offset(self, address: str) -> int:
        answer = await self.http.request("HEAD", address, headers=tus.VERSION)
        return self._reached(answer.headers)

    async def _patch(self, address: str, offset: int) -> int:
        num_bytes = min(tus.CHUNK_BYTES, self.file.num_bytes - offset)
        headers = tus.patch_headers(offset, num_bytes)
        content = self._blocks(offset, num_bytes)
        answer = await self.http.request("PATCH", address, headers=headers, content=content)
        reached = self._reached(answer.headers)
        if reached <= offset:
            stuck = ConnectionFailedError("The server takes no more bytes of the upload.")
            raise TransientError(stuck)
        return reached

    def _reached(self, headers: Mapping[str, str]) -> int:
        """How far the server is; only more than it ever had counts as progress."""
        with self.http.reading():
            offset = tus.offset_of(headers, self.file.num_bytes)
        if offset > self._furthest:
            self._furthest = offset
            self.http.retry.note_progress()
        self.progress(offset, self.file.num_bytes)
        return offset

    async def submit_form(self) -> Video:
        """Submit it by a form, which restarts after a lost connection."""
        form = video_form(self.file.path.name, self.options.to_json(), secrets.token_hex(16))
        headers = _key(self.submission) | form.headers(self.file.num_bytes)
        answer = await self.http.with_retries(
            lambda: self.http.request(
                "POST", VIDEOS_PATH, headers=headers, content=self._form_body(form)
            )
        )
        with self.http.reading():
            video = video_from(answer.json())
        self._remember(video=video.id)
        return video

    async def _form_body(self, form: Form) -> AsyncIterator[bytes]:
        yield form.head
        async for block in self._blocks(0, self.file.num_bytes):
            yield block
        yield form.tail

    async def _blocks(self, start: int, num_bytes: int) -> AsyncIterator[bytes]:
        """Blocks of the file, with progress."""
        async for block in self.file.blocks(start, num_bytes):
            yield block
            start += len(block)
            self.progress(start, self.file.num_bytes)

    def _remember(self, **changes: str) -> None:
        self.submission = replace(self.submission, **changes)
        self.remember(self.submission)
