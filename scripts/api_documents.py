"""Writes docs/api/openapi.json, from a real server, and docs/api/asyncapi.json, from the messages.

python scripts/api_documents.py    # `--check` writes nothing, and fails where one is old
"""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Final

from async_document import async_document

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "api"
OPENAPI: Final = FOLDER / "openapi.json"
PROGRAM: Final = Path(sys.executable).with_name("maskstream")


def main() -> int:
    """Write the documents, or compare; return the exit status."""
    documents = {OPENAPI: openapi(), FOLDER / "asyncapi.json": async_document()}
    texts = {path: json.dumps(document, indent=1) + "\n" for path, document in documents.items()}
    if "--check" in sys.argv[1:]:
        old = [path.name for path, text in texts.items() if path.read_text() != text]
        print(*old)
        return int(bool(old))
    for path, text in texts.items():
        path.write_text(text)
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


if __name__ == "__main__":
    sys.exit(main())
