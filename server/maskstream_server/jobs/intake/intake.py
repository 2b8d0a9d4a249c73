"""The ways in which a video comes in; each ends with its file on the disk, not yet accepted."""

import asyncio
import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from maskstream_model.port import ModelInfo
from maskstream_server.errors import BadUploadError, UnfinishedError
from maskstream_server.jobs.intake.reservation import unreserved_space
from maskstream_server.jobs.intake.resumable import ResumableUploads
from maskstream_server.jobs.intake.upload import MAX_NAME_CHARACTERS, UploadForm, in_blocks
from maskstream_server.jobs.intake.writing import incoming_file, too_large
from maskstream_server.jobs.records.ids import new_id
from maskstream_server.jobs.records.job_options import JobOptions, read_options, utf8
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.outbound.rules import HostRules

FORM_BYTES = 128 << 10
"""What a form may have around its file."""


@dataclass(frozen=True)
class Arrival:
    """What has come.

    Attributes:
        upload: under which it is (see `VideoFiles.incoming`), or
        url: where it will be fetched.
        resumable: whether a video can still be made of the upload later, if none is made now.
    """

    name: str
    options: JobOptions
    num_bytes: int
    upload: str | None
    url: str | None = None
    resumable: bool = False


@dataclass(frozen=True)
class Intake:
    """What every way in works with.

    Attributes:
        sources: hosts that files may be fetched from.
        webhooks: hosts that the end of a video may be reported to.
    """

    files: VideoFiles
    uploads: ResumableUploads
    sources: HostRules
    webhooks: HostRules
    model: ModelInfo
    refines: bool
    max_bytes: int
    random_bytes: Callable[[int], bytes] = os.urandom
    now_s: Callable[[], float] = time.time

    def new_id(self) -> str:
        """Return the name of a new video, or of what comes in."""
        return new_id(self.now_s(), self.random_bytes)

    def read_options(self, text: bytes | None) -> JobOptions:
        """Read the options of a video, as JSON.

        Raises:
            BadOptionsError: they cannot be.
            AddressRefusedError: its webhook is not allowed.
        """
        options = read_options(text, self.model, refines=self.refines)
        if options.webhook is not None:
            self.webhooks.check(options.webhook)
        return options

    def read_document(self, document: Any) -> JobOptions:
        """Read the options out of a JSON body; see `read_options`."""
        return self.read_options(None if document is None else json.dumps(document).encode())


class VideoSubmission(ABC):
    """One way in, for one video.

    Attributes:
        once: a key of its own, where the same submission must never make two videos.
    """

    once: str | None = None

    @abstractmethod
    async def receive(self, intake: Intake) -> Arrival:
        """Wait until it has come.

        Raises:
            VideoError: it cannot be accepted; nothing is left that was not there before.
        """


@dataclass(frozen=True)
class FormSubmission(VideoSubmission):
    """A multipart form that is received, and its headers."""

    chunks: AsyncIterable[bytes]
    content_type: str
    num_bytes: int | None = None

    async def receive(self, intake: Intake) -> Arrival:
        """See `VideoSubmission.receive`."""
        if (self.num_bytes or 0) > intake.max_bytes + FORM_BYTES:
            raise too_large(intake.max_bytes)
        upload = intake.new_id()
        async with incoming_file(intake.files, upload, intake.max_bytes, self.num_bytes) as writer:
            form = UploadForm(self.content_type, writer)
            async for block in in_blocks(self.chunks):
                await asyncio.to_thread(form.feed, block)
            name, options = form.finish(), intake.read_options(form.options)
        return Arrival(name, options, writer.num_bytes, upload)


class UploadSubmission(VideoSubmission):
    """A resumable upload that has come; an answer that was lost may be asked for again.

    Args:
        upload: its id.
        options: JSON object of what is wanted; None: what was said when the upload began.
    """

    def __init__(self, upload: str, options: Any = None) -> None:
        self._upload, self._options = upload, options
        self.once = f"upload {upload}"

    async def receive(self, intake: Intake) -> Arrival:
        """See `VideoSubmission.receive`."""
        options = intake.read_document(self._options)
        found = await intake.uploads.find(self._upload)
        announced = found.announced
        if not found.finished:
            raise UnfinishedError(
                f"Only {found.offset} of the upload's {announced.length} bytes have come."
            )
        if self._options is None and announced.options is not None:
            options = intake.read_options(announced.options.encode())
        return Arrival(announced.name, options, announced.length, found.id, resumable=True)


@dataclass(frozen=True)
class UrlSubmission(VideoSubmission):
    """A file that is to be fetched (see `fetching`)."""

    url: str
    options: Any = None

    async def receive(self, intake: Intake) -> Arrival:
        """See `VideoSubmission.receive`."""
        options = intake.read_document(self.options)
        target = intake.sources.check(self.url)
        await asyncio.to_thread(unreserved_space, intake.files)
        name = unquote(target.path.partition("?")[0].rpartition("/")[2]) or target.host
        return Arrival(name[:MAX_NAME_CHARACTERS], options, 0, None, self.url)


def read_submission(body: bytes) -> VideoSubmission:
    """Read the JSON body of a submission.

    Raises:
        BadUploadError: it is none.
    """
    try:
        document = json.loads(utf8(body, "The body"))
    except (ValueError, RecursionError):
        raise BadUploadError("The body is no JSON.") from None
    ways: Mapping[str, Callable[[str, Any], VideoSubmission]] = {
        "upload": UploadSubmission,
        "url": UrlSubmission,
    }
    chosen = ways.keys() & document.keys() if isinstance(document, dict) else set()
    if len(chosen) != 1:
        raise BadUploadError("The body must be a JSON object with an 'upload' or a 'url'.")
    if unknown := document.keys() - {"options"} - chosen:
        raise BadUploadError(f"There is no field {min(unknown)!r}; known: upload, url, options.")
    way = chosen.pop()
    if not isinstance(document[way], str):
        raise BadUploadError(f"The field {way} must be a text.")
    return ways[way](document[way], document.get("options"))
