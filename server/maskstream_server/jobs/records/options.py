"""Options of a whole video: the `options` of an upload, read strictly."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from maskstream_model.port import PromptUse
from maskstream_protocol.prompts import PROMPTS_RULE, trimmed_prompts
from maskstream_server.errors import BadOptionsError, BadUploadError, NotOfModelError
from maskstream_server.jobs.records.fields import Artifact

ARTIFACTS: tuple[Artifact, ...] = get_args(Artifact)
MODES = ("online", "offline")
MASK_SCALES = (1.0, 0.5, 0.25)
MAX_STRIDE = 1000
SCORE_OR_NULL = "a number from 0 to 1, or null"


@dataclass(frozen=True)
class ModelFacts:
    """What a model can do with whole videos.

    Attributes:
        name: of the preset.
        refines: whether it has a refiner, for the mode `offline`.
        panoptic: whether every pixel belongs to one segment, for `panoptic.zip`.
        classes: names of its classes; None where prompts are the classes.
        prompts: whether it takes texts that name what to segment.
    """

    name: str
    refines: bool = False
    panoptic: bool = False
    classes: tuple[str, ...] | None = None
    prompts: PromptUse = "never"


@dataclass(frozen=True)
class VideoOptions:
    """What is wanted.

    Attributes:
        model: name of a model; None is the server's.
        mode: `online` gives what streaming the same frames gives; `offline` refines over windows.
        artifacts: files to make at the end, of `ARTIFACTS`.
        mask_scale: 1, 0.5 or 0.25 of the upright frame.
        min_score: score from which a track is first mentioned, 0 to 1; None: the model's own.
        show_min: score from which a track is drawn, and visible in `ytvis.json`; None: the
            model's own.
        frame_stride: only every so many-th frame is looked at, from the first on.
        webhook: address that the end of the video is reported to; None: none.
        classes: names of the classes to mention; None: all.
        prompts: what to segment, for models that take prompts.
    """

    model: str | None = None
    mode: str = "online"
    artifacts: tuple[Artifact, ...] = ("ytvis.json",)
    mask_scale: float = 1.0
    min_score: float | None = None
    frame_stride: int = 1
    webhook: str | None = None
    show_min: float | None = None
    classes: tuple[str, ...] | None = None
    prompts: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what `options_from` reads."""
        return asdict(self)


def read_options(text: bytes | None, model: ModelFacts) -> VideoOptions:
    """Read the `options` part of an upload; none at all are the defaults.

    Raises:
        BadUploadError: no text in UTF-8, which is all that JSON is sent in.
        BadOptionsError: no JSON object, an unknown option, or a value that cannot be.
        NotOfModelError: options that this model cannot fulfil.
    """
    try:
        document = json.loads(utf8(text, "The options")) if text else {}
    except (ValueError, RecursionError):
        raise BadOptionsError("The options are no JSON.") from None
    options = options_from(document)
    if options.model not in (None, model.name):
        raise BadOptionsError(
            f"This server has no model {options.model!r}; it runs {model.name!r}."
        )
    if options.mode == "offline" and not model.refines:
        raise NotOfModelError(
            f"The model {model.name!r} has no refiner, which the mode 'offline' needs; "
            "the models that end in '_offline' have one."
        )
    if "panoptic.zip" in options.artifacts and not model.panoptic:
        raise NotOfModelError(f"The model {model.name!r} is none that makes a 'panoptic.zip'.")
    _check_classes(options, model)
    return options


def _check_classes(options: VideoOptions, model: ModelFacts) -> None:
    """Check classes and prompts against the model."""
    unknown = [name for name in options.classes or () if name not in (model.classes or ())]
    if unknown:
        known = ", ".join(model.classes or ()) or "none, its prompts are its classes"
        raise NotOfModelError(f"There is no class {unknown[0]!r}; the classes are: {known}.")
    if options.prompts is not None and model.prompts == "never":
        raise NotOfModelError(f"The model {model.name!r} takes no prompts.")
    if options.prompts is None and model.prompts == "required":
        raise NotOfModelError(f"The model {model.name!r} needs the option prompts.")


def utf8(data: bytes, what: str) -> str:
    """Return the text of something that a client has sent as JSON.

    Raises:
        BadUploadError: it is in another encoding.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # as in UTF-16 and UTF-32, of which `json` would read some
        raise BadUploadError(f"{what} must be JSON in UTF-8.")
    return text


def options_from(document: object) -> VideoOptions:
    """Return the options of a JSON object.

    Raises:
        BadOptionsError: no JSON object, an unknown option, or a value that cannot be.
    """
    if not isinstance(document, dict):
        raise BadOptionsError("The options must be a JSON object.")
    for name, value in document.items():
        check, wanted = _CHECKS.get(name, (None, ""))
        if check is None:
            raise BadOptionsError(f"There is no option {name!r}; known: {', '.join(_CHECKS)}.")
        if not check(value):
            raise BadOptionsError(f"The option {name} must be {wanted}.")
    values = dict(document)
    for name in ("artifacts", "classes"):
        if values.get(name) is not None:
            values[name] = tuple(values[name])
    if values.get("prompts") is not None:
        values["prompts"] = trimmed_prompts(values["prompts"])
    return VideoOptions(**values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_score_or_null(value: Any) -> bool:
    return value is None or (_is_number(value) and 0 <= value <= 1)


def _are_texts_or_null(value: object) -> bool:
    return value is None or (
        isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    )


def _are_prompts_or_null(value: Any) -> bool:
    if not _are_texts_or_null(value):
        return False
    try:
        return value is None or bool(trimmed_prompts(value))
    except ValueError:
        return False


def _are_artifacts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(item, str) and item in ARTIFACTS and value.count(item) == 1 for item in value
    )


_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "model": (lambda value: value is None or isinstance(value, str), "a model's name or null"),
    "mode": (lambda value: isinstance(value, str) and value in MODES, "'online' or 'offline'"),
    "artifacts": (_are_artifacts, f"a list of different names out of {', '.join(ARTIFACTS)}"),
    "mask_scale": (lambda value: _is_number(value) and value in MASK_SCALES, "1, 0.5 or 0.25"),
    "min_score": (_is_score_or_null, SCORE_OR_NULL),
    "show_min": (_is_score_or_null, SCORE_OR_NULL),
    "frame_stride": (
        lambda value: type(value) is int and 1 <= value <= MAX_STRIDE,
        f"a whole number from 1 to {MAX_STRIDE}",
    ),
    "classes": (_are_texts_or_null, "a list of names of classes, or null"),
    "prompts": (_are_prompts_or_null, f"{PROMPTS_RULE}, or null"),
    "webhook": (lambda value: value is None or isinstance(value, str), "an address or null"),
}
