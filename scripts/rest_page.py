"""Writes docs/rest.md, the reference of the REST routes, from a real server's OpenAPI document.

python scripts/rest_page.py            # `--check` writes nothing, and fails where the page is old
"""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "rest.md"
PROGRAM = Path(sys.executable).with_name("maskstream")
HEAD = """# REST reference

Made by `scripts/rest_page.py` from the OpenAPI document that a server serves as `/openapi.json`.
Live streams and viewers are WebSockets ([wire protocol](protocol.md)). Where keys are set,
requests carry `Authorization: Bearer KEY`. Errors are problem documents (RFC 9457) with `status`,
`code` and `detail`.
"""


def main() -> int:
    """Write the page, or compare; return the exit status."""
    page = "\n".join([HEAD, *routes(openapi())])
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text() != page)
    PAGE.write_text(page)
    return 0


def openapi() -> dict[str, Any]:
    """Start a server with its defaults on a free port, and ask it.

    Raises:
        RuntimeError: it did not start.
    """
    command = [PROGRAM, "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                if found := re.search(r"http://[\d.:]+", line):
                    with urllib.request.urlopen(f"{found[0]}/openapi.json", timeout=60) as answer:
                        document: dict[str, Any] = json.load(answer)
                    return document
        finally:
            server.terminate()
    raise RuntimeError("maskstream serve did not start; run it to see why")


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
