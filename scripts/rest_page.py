"""Writes docs/rest.md, the reference of the REST routes, from docs/api/openapi.json.

python scripts/rest_page.py            # `--check` writes nothing, and fails where the page is old
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "rest.md"
HEAD = """# REST reference

Made by `scripts/rest_page.py` from [the OpenAPI document](api/openapi.json), which a server serves
as `/openapi.json` too.
Live streams and viewers are WebSockets ([wire protocol](protocol.md)). Where keys are set,
requests carry `Authorization: Bearer KEY`. Errors are problem documents (RFC 9457) with `status`,
`code` and `detail`.
"""


def main() -> int:
    """Write the page, or compare; return the exit status."""
    page = "\n".join([HEAD, *routes(json.loads((DOCS / "api" / "openapi.json").read_text()))])
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text() != page)
    PAGE.write_text(page)
    return 0


def routes(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of all routes, grouped by the first part of their path."""
    group = ""
    for path, methods in sorted(document["paths"].items()):
        name = path.removeprefix("/v1").split("/")[1]
        if "/v1/" not in path:
            name = "health and metrics"
        if name != group:
            group = name
            yield f"## {name.capitalize()}\n"
        for method, route in methods.items():
            yield from operation(f"{method.upper()} {path}", route)


def operation(name: str, route: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a route: what it does, its parameters, its success."""
    yield f"### `{name}`\n"
    if text := route.get("description"):
        yield f"{text}\n"
    parameters = [each for each in route.get("parameters", []) if each["in"] != "path"]
    if parameters:
        yield "| parameter | in | type | default |\n|---|---|---|---|"
        yield from (parameter(each) for each in parameters)
        yield ""
    success = ", ".join(status for status in route["responses"] if status < "400")
    yield f"Success: {success}.\n"


def parameter(each: dict[str, Any]) -> str:
    """Return a row of the table of parameters."""
    schema = each["schema"]
    kinds = [kind.get("type", "any") for kind in schema.get("anyOf", [schema])]
    bounds = [f"{word} {schema[key]}" for key, word in LIMITS.items() if key in schema]
    default = "required" if each.get("required") else f"`{json.dumps(schema.get('default'))}`"
    kind = " ".join([" or ".join(kinds), *bounds])
    return f"| `{each['name']}` | {each['in']} | {kind} | {default} |"


LIMITS = {"minimum": "from", "maximum": "to"}


if __name__ == "__main__":
    sys.exit(main())
