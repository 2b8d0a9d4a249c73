"""Certificates of servers that tests run themselves."""

import shutil
import subprocess
from pathlib import Path

import pytest


def self_signed(folder: Path, name: str) -> Path:
    """Make a key and a certificate that signs itself; skips without openssl.

    Args:
        folder: where they are written.
        name: whom it is for, such as `IP:127.0.0.1` or `DNS:files.example`.

    Returns:
        a file with both; clients that trust it read the certificate alone.
    """
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    made = folder / "both.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout both.pem -out cert.pem"
    names = ["-addext", f"subjectAltName={name}"]
    subprocess.run(["openssl", *words.split(), *names], cwd=folder, check=True, stderr=-3)
    made.write_text(made.read_text() + (folder / "cert.pem").read_text())
    return made
