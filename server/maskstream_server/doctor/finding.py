"""What the doctor finds: a grade, a sentence, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Grade = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        grade: `warning` where a server runs with a disadvantage, `failed` where it does not run
            or breaks a guarantee.
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
