"""The doctor's report, for people and for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import click

from maskstream_server.doctor.finding import Finding, Grade, healthy

COLORS: dict[Grade, str] = {"ok": "green", "warning": "yellow", "failed": "red"}


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
