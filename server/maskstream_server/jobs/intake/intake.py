"""The ways in which a video comes in; each ends with its file on the disk, not yet accepted."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from maskstream_server.errors import BadUploadError, UnfinishedError
from maskstream_server.jobs.intake.reservation import SILENCE_S, Reservation, unclaimed_room
from maskstream_server.jobs.intake.resumable import ResumableUploads
from maskstream_server.jobs.intake.upload import MAX_NAME_CHARACTERS, UploadForm, in_blocks
from maskstream_server.jobs.intake.writing import BoundedWriter, too_large
from maskstream_server.jobs.records.ids import new_id
from maskstream_server.jobs.records.options import ModelFacts, VideoOptions, read_options, utf8
from maskstream_server.jobs.storage.files import DATA, VideoFiles
from maskstream_server.outbound.rules import HostRules

FORM_BYTES = 128 << 10
"""What a form may have around its file."""


@dataclass(frozen=True)
class Arrival:
    """What has come.

    Attributes:
        name: what the client calls the file.
        options: what is wanted.
        num_bytes: of the file.
        upload: under which it lies (see `VideoFiles.incoming`), or
        url: where it will be fetched.
    """

    name: str
    options: VideoOptions
    num_bytes: int
    upload: str | None
    url: str | None = None


@dataclass(frozen=True)
class Reception:
    """What every way in needs.

    Attributes:
        files: of videos.
        uploads: that may be gone on with.
        sources: hosts that files may be fetched from.
        webhooks: hosts that may be told that a video has ended.
        model: the one that the workers run.
        max_bytes: of one file.
        random_bytes: for ids.
        now_s: Unix time.
    """

    files: VideoFiles
    uploads: ResumableUploads
    sources: HostRules
    webhooks: HostRules
    model: ModelFacts
    max_bytes: int
    random_bytes: Callable[[int], bytes] = os.urandom
    now_s: Callable[[], float] = time.time

    def new_id(self) -> str:
        """Return the name of a new video, or of what comes in."""
        return new_id(self.now_s(), self.random_bytes)

    def read_options(self, text: bytes | None) -> VideoOptions:
        """Read the options of a video, as JSON.

        Raises:
            BadOptionsError: they cannot be.
            AddressRefusedError: its webhook is not allowed.
        """
        options = read_options(text, self.model)
        if options.webhook is not None:
            self.webhooks.check(options.webhook)
        return options


class Intake(Protocol):
    """One way in, for one video."""

    async def receive(self, reception: Reception) -> Arrival:
        """Wait until it has come.

        Raises:
            VideoError: it cannot be taken; nothing is left that was not there before.
        """
        ...

    @property
    def once(self) -> str | None:
        """A key of its own, where the same intake must never make two videos."""
        ...

    async def dismiss(self, reception: Reception, arrival: Arrival) -> None:
        """Remove what has come, where no video was made of it and none will be."""
        ...


@dataclass(frozen=True)
class FormIntake:
    """A multipart form that comes in, and what its headers say of it.

    Attributes:
        chunks: its body.
        content_type: names the boundary.
        num_bytes: of the body, where it is told.
    """

    chunks: AsyncIterable[bytes]
    content_type: str
    num_bytes: int | None = None
    once = None

    async def receive(self, reception: Reception) -> Arrival:
        """See `Intake.receive`."""
        if (self.num_bytes or 0) > reception.max_bytes + FORM_BYTES:
            raise too_large(reception.max_bytes)
        upload = reception.new_id()
        try:
            await asyncio.to_thread(reception.files.incoming(upload).mkdir)
            claim = Reservation(reception.files, upload, SILENCE_S)
            look_for_room = await asyncio.to_thread(claim.announce, self.num_bytes)
            return await self._write(reception, upload, look_for_room)
        except BaseException:
            await asyncio.to_thread(reception.files.forget, upload)
            raise

    async def dismiss(self, reception: Reception, arrival: Arrival) -> None:
        """See `Intake.dismiss`."""
        assert arrival.upload is not None
        await asyncio.to_thread(reception.files.forget, arrival.upload)

    async def _write(
        self, reception: Reception, upload: str, look_for_room: Callable[[int], int]
    ) -> Arrival:
        with (reception.files.incoming(upload) / DATA).open("wb") as file:
            writer = BoundedWriter(file, look_for_room, reception.max_bytes)
            form = UploadForm(self.content_type, writer)
            async for block in in_blocks(self.chunks):
                await asyncio.to_thread(form.feed, block)
            name, options = form.finish(), reception.read_options(form.options)
            await asyncio.to_thread(writer.sync)
        return Arrival(name, options, writer.num_bytes, upload)


@dataclass(frozen=True)
class UploadIntake:
    """A resumable upload that has come.

    Attributes:
        upload: its id.
        options: JSON object of what is wanted; None: what was said when the upload began.
    """

    upload: str
    options: Any = None

    @property
    def once(self) -> str:
        """See `Intake.once`: an answer that was lost may be asked for again."""
        return f"upload {self.upload}"

    async def receive(self, reception: Reception) -> Arrival:
        """See `Intake.receive`."""
        options = _read(self.options, reception)
        found = await reception.uploads.find(self.upload)
        announced = found.announced
        if not found.finished:
            raise UnfinishedError(
                f"Only {found.offset} of the upload's {announced.length} bytes have come."
            )
        if self.options is None and announced.options is not None:
            options = reception.read_options(announced.options.encode())
        return Arrival(announced.name, options, announced.length, found.id)

    async def dismiss(self, reception: Reception, arrival: Arrival) -> None:
        """See `Intake.dismiss`: a video can still be made of it later."""


@dataclass(frozen=True)
class UrlIntake:
    """A file that is to be fetched (see `fetching`).

    Attributes:
        url: its address.
        options: JSON object of what is wanted.
    """

    url: str
    options: Any = None
    once = None

    async def receive(self, reception: Reception) -> Arrival:
        """See `Intake.receive`."""
        options = _read(self.options, reception)
        target = reception.sources.check(self.url)
        await asyncio.to_thread(unclaimed_room, reception.files)
        name = unquote(target.path.partition("?")[0].rpartition("/")[2]) or target.host
        return Arrival(name[:MAX_NAME_CHARACTERS], options, 0, None, self.url)

    async def dismiss(self, reception: Reception, arrival: Arrival) -> None:
        """See `Intake.dismiss`: nothing has come."""


def read_submission(body: bytes) -> Intake:
    """Read the JSON body of a submission.

    Raises:
        BadUploadError: it is none.
    """
    try:
        document = json.loads(utf8(body, "The body"))
    except (ValueError, RecursionError):
        raise BadUploadError("The body is no JSON.") from None
    ways: Mapping[str, Callable[[str, Any], Intake]] = {"upload": UploadIntake, "url": UrlIntake}
    chosen = ways.keys() & document.keys() if isinstance(document, dict) else set()
    if len(chosen) != 1:
        raise BadUploadError("The body must be a JSON object with an 'upload' or a 'url'.")
    if unknown := document.keys() - {"options"} - chosen:
        raise BadUploadError(f"There is no field {min(unknown)!r}; known: upload, url, options.")
    way = chosen.pop()
    if not isinstance(document[way], str):
        raise BadUploadError(f"The field {way} must be a text.")
    return ways[way](document[way], document.get("options"))


def _read(options: Any, reception: Reception) -> VideoOptions:
    text = None if options is None else json.dumps(options).encode()
    return reception.read_options(text)
