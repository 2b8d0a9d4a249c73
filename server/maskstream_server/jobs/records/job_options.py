"""Options of a whole video: the `options` of an upload, read strictly."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, SkipValidation, Strict, TypeAdapter, ValidationError

from maskstream_model.port import ModelInfo
from maskstream_protocol.messages import MASK_SCALES
from maskstream_protocol.prompts import PROMPTS_RULE, trimmed_prompts
from maskstream_protocol.rules import Rule, read_rules
from maskstream_server.errors import BadOptionsError, BadUploadError, NotOfModelError
from maskstream_server.events.rules import EventRules
from maskstream_server.jobs.records.fields import Artifact
from maskstream_server.session.reporting import labels_of

ARTIFACTS: tuple[Artifact, ...] = get_args(Artifact)
MAX_STRIDE = 1000
SCORE_OR_NULL = "a number from 0 to 1, or null"
Text = Annotated[str, Strict()]
Score = Annotated[float, Strict(), Field(ge=0, le=1)]


def _known_scale(scale: float) -> float:
    if scale not in MASK_SCALES:
        raise ValueError(scale)
    return scale


def _different(names: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
    if len(set(names)) < len(names):
        raise ValueError(names)
    return names


@dataclass(frozen=True)
class JobOptions:
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
        rules: make events of results; they are in the lines.
    """

    model: Text | None = None
    mode: Literal["online", "offline"] = "online"
    artifacts: Annotated[tuple[Artifact, ...], AfterValidator(_different)] = ("ytvis.json",)
    mask_scale: Annotated[float, Strict(), AfterValidator(_known_scale)] = 1.0
    min_score: Score | None = None
    frame_stride: Annotated[int, Strict(), Field(ge=1, le=MAX_STRIDE)] = 1
    webhook: Text | None = None
    show_min: Score | None = None
    classes: tuple[Text, ...] | None = None
    prompts: Annotated[tuple[Text, ...], AfterValidator(trimmed_prompts)] | None = None
    rules: Annotated[tuple[Rule, ...] | None, SkipValidation] = None

    def to_json(self) -> dict[str, Any]:
        """Return what `options_from` reads."""
        return asdict(self)


def read_options(text: bytes | None, model: ModelInfo, *, refines: bool) -> JobOptions:
    """Read the `options` part of an upload; none at all are the defaults.

    `refines` says whether the model has a refiner, for the mode `offline`.

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
    if options.mode == "offline" and not refines:
        raise NotOfModelError(
            f"The model {model.name!r} has no refiner, which the mode 'offline' needs; "
            "the models that end in '_offline' have one."
        )
    if "panoptic.zip" in options.artifacts and model.task != "panoptic":
        raise NotOfModelError(f"The model {model.name!r} is none that makes a 'panoptic.zip'.")
    _check_classes(options, model)
    return options


def _check_classes(options: JobOptions, model: ModelInfo) -> None:
    """Check classes and prompts against the model."""
    try:
        labels_of(model, options.classes)
        EventRules.of(options.rules, model, options.classes)
    except ValueError as error:
        raise NotOfModelError(str(error)) from None
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


def options_from(document: object) -> JobOptions:
    """Return the options of a JSON object.

    Raises:
        BadOptionsError: no JSON object, an unknown option, or a value that cannot be.
    """
    if not isinstance(document, dict):
        raise BadOptionsError("The options must be a JSON object.")
    for name in document:
        if name not in _RULES:
            raise BadOptionsError(f"There is no option {name!r}; known: {', '.join(_RULES)}.")
    rules = _read_rules(document.get("rules"))
    try:
        return _reader().validate_python(document | {"rules": rules})
    except ValidationError as error:
        name = error.errors(include_url=False, include_context=False)[0]["loc"][0]
        raise BadOptionsError(f"The option {name} must be {_RULES[str(name)]}.") from None


def _read_rules(value: object) -> tuple[Rule, ...] | None:
    """Return rules; each mistake has a sentence of its own."""
    try:
        return None if value is None else read_rules(value)
    except ValueError as error:
        raise BadOptionsError(str(error)) from None


@cache
def _reader() -> TypeAdapter[JobOptions]:
    return TypeAdapter(JobOptions)


_RULES: Mapping[str, str] = {
    "model": "a model's name or null",
    "mode": "'online' or 'offline'",
    "artifacts": f"a list of different names out of {', '.join(ARTIFACTS)}",
    "mask_scale": "1, 0.5 or 0.25",
    "min_score": SCORE_OR_NULL,
    "show_min": SCORE_OR_NULL,
    "frame_stride": f"a whole number from 1 to {MAX_STRIDE}",
    "classes": "a list of names of classes, or null",
    "prompts": f"{PROMPTS_RULE}, or null",
    "rules": "a list of rules, or null",
    "webhook": "an address or null",
}
"""The rule of each option, for messages."""
