"""The results of a whole video from its server, as what files are made of."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from maskstream_client.errors import ConnectionFailedError
from maskstream_client.exports import ResultsOf
from maskstream_client.video_record import Video
from maskstream_client.videos.http import Http
from maskstream_client.videos.lines import frame_line_from
from maskstream_client.videos.requests import read_raw_lines
from maskstream_client.videos.retrying import TransientError
from maskstream_exports.video_results import ResultClass, VideoResults


@dataclass(frozen=True)
class ModelFacts:
    """What files say of the model that has worked on a video."""

    task: str
    classes: Sequence[ResultClass]
    show_min: float


async def fetch_model(http: Http, video: Video) -> ModelFacts:
    """What the server says of a video's model."""
    name = str(video.options.get("model") or await http.read(_default_name, "GET", "v1/models"))
    facts = await http.read(_facts, "GET", f"v1/models/{quote(name, safe='')}")
    prompts, show_min = video.options.get("prompts"), video.options.get("show_min")
    if prompts is not None:
        facts = replace(facts, classes=[ResultClass(text) for text in prompts])
    return facts if show_min is None else replace(facts, show_min=show_min)


@asynccontextmanager
async def fetched_results(
    http: Http, video: Video, model: ModelFacts
) -> AsyncGenerator[ResultsOf, None]:
    """Fetch the lines of a video that is done into a temporary file, and give its results.

    Raises:
        ConnectionFailedError: the server does not say how large its frames are.
    """
    rate, height, width = video.frame_rate, video.height, video.width
    if rate is None or height is None or width is None:
        raise ConnectionFailedError(
            f"The server does not say how large the frames of {video.name} are: an earlier "
            "version has worked on it; hand it in again."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.ndjson"
        await _fetch_lines(http, video.id, path)

        def results() -> VideoResults:
            return VideoResults(
                lines=_lines_of(path),
                name=video.name,
                size=(height, width),
                frame_rate=rate,
                classes=model.classes,
                show_min=model.show_min,
                mask_scale=video.options.get("mask_scale", 1.0),
            )

        yield results


async def _fetch_lines(http: Http, video: str, path: Path) -> None:
    """Write all lines to a file, over lost connections."""
    after = -1
    with path.open("wb") as file:
        while True:
            try:
                async with aclosing(read_raw_lines(http, video, after)) as lines:
                    async for line in lines:
                        file.write(line + b"\n")
                        after = frame_line_from(line).frame
                return
            except TransientError as error:
                await http.wait_to_retry(error)


def _lines_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _default_name(answer: Any) -> str:
    """The name of the server's own model, of its list."""
    names = [str(each["name"]) for each in answer["models"] if each["default"]]
    if not names:
        raise ValueError("no model is the default one")
    return names[0]


def _facts(answer: Any) -> ModelFacts:
    classes = [ResultClass(str(each["name"]), bool(each["thing"])) for each in answer["classes"]]
    return ModelFacts(str(answer["task"]), classes, float(answer["show_min"]))
