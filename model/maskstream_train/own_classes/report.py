"""The report of a run as one self-contained HTML file: curves, numbers, pictures."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from maskstream_model.atomic_writes import atomic_write
from maskstream_train.own_classes.validation import Line, read_journal

Curve = Sequence[tuple[float, float]]
WIDTH, HEIGHT, EDGE = 420, 160, 34
STYLE = (
    "body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}svg{margin:0 1em 1em 0}"
    "td,th{padding:.2em .8em;text-align:right}img{max-width:24em;margin:.3em}"
)


def write_report(path: Path, title: str, run: Path, pictures: Sequence[Path]) -> None:
    """Write the report of a run so far.

    Args:
        path: of the HTML file; replaced.
        title: of the page.
        run: folder with the journals of stages and measurements.
        pictures: JPEGs, which are embedded.
    """
    measured = read_journal(run / "validation.jsonl")
    parts = [f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title>"]
    parts += [f"<style>{STYLE}</style><h1>{escape(title)}</h1>"]
    for stage in ("segmenter", "tracker"):
        lines = [line for line in measured if line["stage"] == stage]
        losses = read_journal(run / f"{stage}.jsonl")
        parts += [f"<h2>{stage}</h2>", svg("loss", {"loss": _curve(losses, "loss")})]
        parts += [svg("AP50", {key: _curve(lines, key) for key in ("AP50", "AP50_any")})]
        parts += [_table(lines)]
    parts += ["<h2>Pictures</h2>", *map(_picture, pictures)]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _curve(lines: Sequence[Line], key: str) -> Curve:
    return [(line["step"], line[key]) for line in lines if line[key] >= 0]


def svg(title: str, curves: Mapping[str, Curve]) -> str:
    """Return curves over steps as an inline picture; an empty text where there is no point."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return ""
    last = max(x for x, _ in points) or 1.0
    top = max(y for _, y in points) or 1.0
    scale = ((WIDTH - 2 * EDGE) / last, (HEIGHT - 2 * EDGE) / top)
    lines = [
        _drawn([(EDGE + x * scale[0], HEIGHT - EDGE - y * scale[1]) for x, y in curve], colour)
        + f'<text x="{EDGE + 110 * row}" y="16" fill="{colour}">{escape(_label(name))}</text>'
        for row, (colour, (name, curve)) in enumerate(
            zip(("#1f6fb2", "#c2571a"), curves.items(), strict=False)
        )
    ]
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<path d="M{EDGE},{EDGE}V{HEIGHT - EDGE}H{WIDTH - EDGE}" fill="none" stroke="#888"/>'
        f'<text x="0" y="{EDGE}">{top:.3g}</text>'
        f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 10}" text-anchor="end">step {last:.0f}</text>'
        + "".join(lines)
        + "</svg>"
    )


def _drawn(places: Curve, colour: str) -> str:
    """Return a line through places in pixels; a line through one place would be invisible."""
    if len(places) == 1:
        ((x, y),) = places
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'


def _label(key: str) -> str:
    """Return what people read in place of a key of the journals."""
    return key.replace("_any", ", classes aside")


def _table(lines: Sequence[Line]) -> str:
    keys = ("step", "AP", "AP50", "AP50_any", "recall", "precision")
    heads = "".join(f"<th>{_label(key)}</th>" for key in keys)
    rows = "".join(
        f"<tr>{''.join(f'<td>{line[key]}</td>' for key in keys)}"
        f"<td>{'best' if line['best'] else ''}</td></tr>"
        for line in lines
    )
    return f"<table><tr>{heads}<th></th></tr>{rows}</table>"


def _picture(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{escape(path.name)}" src="data:image/jpeg;base64,{data}">'
