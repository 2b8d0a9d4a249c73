"""A finding of the doctor (grade, sentence, advice), and the report of all of them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import click

Grade = Literal["ok", "warning", "failed"]
COLORS: dict[Grade, str] = {"ok": "green", "warning": "yellow", "failed": "red"}


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


def lines_of(finding: Finding) -> Iterable[str]:
    """Return a finding as one line, and its advice as another."""
    grade = click.style(f"{finding.grade:8}", fg=COLORS[finding.grade])
    yield f"{grade} {finding.name:18} {finding.text}"
    if finding.advice:
        yield f"{'':8} {'':18} -> {finding.advice}"


def verdict(findings: Sequence[Finding], what: str = "server") -> str:
    """Return the last line, of a server or worker."""
    failed = sum(finding.grade == "failed" for finding in findings)
    warned = sum(finding.grade == "warning" for finding in findings)
    if failed:
        return f"{failed} of {len(findings)} failed: a {what} cannot do its work here."
    return f"A {what} can do its work here ({warned} warnings)." if warned else "All is well."


def as_json(findings: Sequence[Finding]) -> str:
    """Return the whole report as one JSON document."""
    rows = [asdict(finding) for finding in findings]
    return json.dumps({"healthy": healthy(findings), "findings": rows}, indent=2)
