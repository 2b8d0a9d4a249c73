"""Writes docker/requirements.txt: every package of the server's image, with its version.

Run it with the Python of the image (3.11) after a change of the dependencies in pyproject.toml.
pip resolves, nothing is installed. torch and what it alone brings (CUDA) are left out: those come
from an index of their own, pinned by constraints.txt and by torch itself.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docker" / "requirements.txt"
LEFT_OUT = ("torch", "maskstream")
LEFT_OUT_PREFIXES = ("nvidia-", "cuda-", "triton")
HEAD = "# Every package of the server's image but torch; made by scripts/lock_image.py.\n"


def main() -> int:
    """Resolve and write; return the exit status of pip where it fails."""
    report = resolve()
    if report.returncode:
        return report.returncode
    pins = sorted(pins_of(json.loads(report.stdout)))
    TARGET.write_text(HEAD + "".join(f"{pin}\n" for pin in pins))
    print(f"{len(pins)} packages in {TARGET.relative_to(ROOT)}")
    return 0


def resolve() -> "subprocess.CompletedProcess[bytes]":
    """Ask pip what it would install for a server."""
    options = ["--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    command = [sys.executable, "-m", "pip", "install", *options, *constraints, f"{ROOT}[server]"]
    return subprocess.run(command, stdout=subprocess.PIPE, check=False)


def pins_of(report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """Return `name==version` of each package that belongs into the file."""
    packages = [
        (item["metadata"]["name"].lower(), item["metadata"]["version"])
        for item in report["install"]
    ]
    return [
        f"{name}=={version}"
        for name, version in packages
        if name not in LEFT_OUT and not name.startswith(LEFT_OUT_PREFIXES)
    ]


if __name__ == "__main__":
    sys.exit(main())
