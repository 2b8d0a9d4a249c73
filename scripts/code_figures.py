"""Print figures of the source as JSON: how much there is, how it is cut, what is repeated.

    python scripts/code_figures.py [--rev REVISION]

With a revision it reads git's copy, so that figures before and after come from one script.
"""

import argparse
import ast
import io
import json
import subprocess
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

SOURCES = ("model", "server", "clients/python")
WINDOW = 5
"""Lines of code in a row that count as repeated where they are found twice."""


def files_of(revision: str) -> dict[str, str]:
    """Return the Python files of a revision and `pyproject.toml`, by path."""
    command = ["git", "archive", revision, "--", *SOURCES, "pyproject.toml"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None and member.name.endswith((".py", ".toml")):
                found[member.name] = content.read().decode()
    return found


def files_here() -> dict[str, str]:
    """Return the same of the working tree."""
    paths = [path for source in SOURCES for path in Path(source).rglob("*.py")]
    return {str(path): path.read_text() for path in [*paths, Path("pyproject.toml")]}


def function_lengths(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of each function without its docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                docstring = node.body[0]
                assert docstring.end_lineno is not None
                length -= docstring.end_lineno - docstring.lineno + 1
            yield length


def code_lines(text: str) -> list[str]:
    """Return the statements of a file, one line each, without docstrings and imports."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            node.body = [
                child for child in node.body if not isinstance(child, ast.Import | ast.ImportFrom)
            ] or [ast.Pass()]
    return [line.strip() for line in ast.unparse(tree).splitlines() if line.strip()]


def repeated_lines(files: dict[str, str]) -> int:
    """Count lines of code that stand in a window of `WINDOW` lines found more than once."""
    code = {path: code_lines(text) for path, text in files.items()}
    windows = Counter(
        tuple(lines[start : start + WINDOW])
        for lines in code.values()
        for start in range(len(lines) - WINDOW + 1)
    )
    repeated = 0
    for lines in code.values():
        inside = set[int]()
        for start in range(len(lines) - WINDOW + 1):
            if windows[tuple(lines[start : start + WINDOW])] > 1:
                inside.update(range(start, start + WINDOW))
        repeated += len(inside)
    return repeated


def figures(files: dict[str, str]) -> dict[str, object]:
    """Return the figures of some files."""
    settings = tomllib.loads(files["pyproject.toml"])
    python = {path: text for path, text in files.items() if path.endswith(".py")}
    sizes = {path: len(text.splitlines()) for path, text in python.items()}
    functions = sorted(
        length for text in python.values() for length in function_lengths(ast.parse(text))
    )
    packages = Counter[str]()
    for path, size in sizes.items():
        packages[next(part for part in Path(path).parts if part.startswith("maskstream_"))] += size
    return {
        "lines": sum(sizes.values()),
        "lines_by_package": dict(sorted(packages.items())),
        "files": len(sizes),
        "file_median": median(sizes.values()),
        "file_max": max(sizes.values()),
        "functions": len(functions),
        "function_p90": quantiles(functions, n=10)[-1],
        "function_max": functions[-1],
        "repeated_lines": repeated_lines(python),
        "import_contracts": len(settings["tool"]["importlinter"]["contracts"]),
    }


def main() -> None:
    """Print the figures of the working tree or of a revision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rev", help="a revision of git, instead of the working tree")
    revision = parser.parse_args().rev
    print(json.dumps(figures(files_of(revision) if revision else files_here()), indent=2))


if __name__ == "__main__":
    main()
