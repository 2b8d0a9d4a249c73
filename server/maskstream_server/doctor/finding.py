"""What the doctor finds: a grade, a sentence, and what to do about it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Grade = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        grade: `warning` where a server runs but somebody will be unhappy, `failed` where it
            does not run, or breaks its promises.
        text: what was found.
        advice: what to do about it; empty where all is well.
    """

    name: str
    grade: Grade
    text: str
    advice: str = ""


def healthy(findings: Iterable[Finding]) -> bool:
    """Return whether a server can do its work here."""
    return all(finding.grade != "failed" for finding in findings)


def examined(name: str, look: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    """Return what `look` finds; where it breaks down itself, that is the finding."""
    try:
        return look()
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        text = f"could not be looked at: {type(error).__name__}: {reason}"
        return [Finding(name, "failed", text, "Please report this; the rest was looked at.")]
