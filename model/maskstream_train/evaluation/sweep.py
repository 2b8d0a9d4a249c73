"""Thresholds to try, and the choice between what they gave."""

from collections.abc import Mapping, Sequence
from itertools import product

from maskstream_model.errors import ConfigError
from maskstream_train.evaluation.report import ClipReport

Rules = Mapping[str, float | None]

# Both thresholds of birth move together, as the released models have them.
SWEEP = ("emergence_score_min=0.4,0.5,0.6,0.7", "tracked_score_min=0.2,0.3,0.4,0.5")
BASELINE_SWEEP = (
    "emergence_score_min=0.3,0.5,0.7,0.85,0.95",
    "tracked_score_min=0.1,0.3,0.5",
    "similarity_min=-1,0.7",
)


def parse_rules(texts: Sequence[str]) -> dict[str, tuple[float | None, ...]]:
    """Read `name=value` and `name=value,value` as typed on the command line.

    Raises:
        ConfigError: not of this form.
    """
    rules = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not (name and equals and values):
            raise ConfigError(f"{text!r} is not like name=value")
        rules[name.strip()] = tuple(_number(value, text) for value in values.split(","))
    return rules


def grid(rules: Mapping[str, Sequence[float | None]]) -> list[dict[str, float | None]]:
    """Return every combination of the values of the rules."""
    return [dict(zip(rules, values, strict=True)) for values in product(*rules.values())]


def _number(text: str, whole: str) -> float | None:
    text = text.strip()
    if text.lower() == "none":
        return None
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} in {whole!r} is not a number") from error


def sweep_points(texts: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Return the points of a grid by name; a later text replaces an earlier one of its rule.

    The first frame's threshold of birth follows that of later frames unless it is given.
    """
    points = {}
    for rules in grid(parse_rules(texts)):
        name = " ".join(f"{key.removesuffix('_score_min')} {value}" for key, value in rules.items())
        if "emergence_score_min" in rules:
            rules.setdefault("first_frame_score_min", rules["emergence_score_min"])
        points[name] = rules
    return points


def at_equal_recall(ours: ClipReport, baseline: Mapping[str, ClipReport]) -> dict[str, str]:
    """Choose points of the baseline that recall no less than `ours`.

    They are chosen on the evaluated clips themselves, which favours the baseline. Where no point
    recalls as much, it is the one that recalls most.

    Returns:
        Names of points: of the most precise one, and of the one with the fewest switches.
    """
    wanted = ours.identities.recall
    equal = {n: report.identities for n, report in baseline.items() if _recall(report) >= wanted}
    if not equal:
        return {"highest recall": max(baseline, key=lambda name: _recall(baseline[name]))}
    return {
        "most precise": max(equal, key=lambda name: equal[name].precision),
        "steadiest": min(equal, key=lambda name: (equal[name].switches, -equal[name].precision)),
    }


def _recall(report: ClipReport) -> float:
    return report.identities.recall
