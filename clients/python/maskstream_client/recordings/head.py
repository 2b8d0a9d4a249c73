"""What a section of a recording says first: of what, by what and with which options it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any, Final

from maskstream_exports.video_results import ResultClass

FORM: Final = 1
"""Of recordings; a later one that this version cannot read has a larger number."""
_PACKAGES: Final = ("maskstream", "pillow", "av", "numpy")


@dataclass(frozen=True)
class Head:
    """The first line of a section.

    Attributes:
        first_frame: index of the section's first frame among all that were sent.
        source: name of what was streamed, as it was given; of a URL without its password.
        file_name: the last part of it.
        frame_rate: frames per second; a guess where the source does not say.
        model, task, fingerprint: of the model.
        classes: of the model, by id.
        show_min: score from which a track is shown.
        options: fields of `StreamOptions` that results depend on.
        versions: of the packages that results may depend on.
        recording: form of the file.
    """

    first_frame: int
    source: str
    file_name: str
    frame_rate: float
    model: str
    task: str
    fingerprint: str
    classes: Sequence[ResultClass]
    show_min: float
    options: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=lambda: installed_versions())
    recording: int = FORM

    def to_json(self) -> dict[str, Any]:
        """The line as a JSON object."""
        return asdict(self)


def head_from(line: Mapping[str, Any]) -> Head:
    """Read a line; fields of later versions are left out.

    Raises:
        ValueError: it is none, or of a later form.
    """
    if line["recording"] > FORM:
        raise ValueError("it was made by a later version of Maskstream")
    try:
        known = {name: line[name] for name in Head.__dataclass_fields__}
        classes = [ResultClass(str(each["name"]), bool(each["thing"])) for each in line["classes"]]
    except (KeyError, TypeError) as error:
        raise ValueError("a section has no proper head") from error
    return Head(**known | {"classes": classes})


def installed_versions() -> dict[str, str]:
    """Of the packages here that results may depend on."""
    return {name: version(name) for name in _PACKAGES}
