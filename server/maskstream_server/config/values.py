"""How values of settings are read from text and checked: each value alone, not beside others."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import whitespace
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from maskstream_model.backends.table import CHOICES, PRECISIONS
from maskstream_server.outbound.broker import read_broker
from maskstream_server.outbound.rules import HOST
from maskstream_server.outbound.signature import secret_key

AROUND: Final = "\ufeff" + whitespace
"""A byte order mark, and the CR of Windows' lines."""
MIN_KEY_CHARACTERS: Final = 16
KEY: Final = re.compile(r"[!-~]+")
BUCKET: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)*", re.ASCII)
PATH: Final = re.compile(r"/?([A-Za-z0-9._~-]+/?)*")
GOOD_KEYS: Final = f"{MIN_KEY_CHARACTERS} characters or more, such as `openssl rand -hex 24` prints"


def without_blanks(values: Mapping[str, Any], kept: str) -> dict[str, Any]:
    """Strip all texts; take away those that are empty then, but for the one named `kept`."""
    stripped = {
        name: value.strip(AROUND) if isinstance(value, str) else value
        for name, value in values.items()
    }
    return {name: value for name, value in stripped.items() if value != "" or name == kept}


def with_password(address: str, password: str) -> str:
    """Return an address of a store with the password in it; it may hold any character."""
    parts = urlsplit(address)
    user, _, place = parts.netloc.rpartition("@")
    user = user.partition(":")[0]
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}").geturl()


def split_list(value: object) -> object:
    """Read a list, separated by commas as in variables or by lines as in files."""
    if not isinstance(value, str):
        return value
    parts = (part.strip(AROUND) for line in value.splitlines() for part in line.split(","))
    return tuple(part for part in parts if part)


def _split_keys(value: object) -> object:
    keys = split_list(value)
    if isinstance(value, str) and not keys:
        raise ValueError(f"lists no key: unset it, or give keys of {GOOD_KEYS}")
    return keys


def _check_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(key) < MIN_KEY_CHARACTERS for key in keys):
        raise ValueError(f"has a key that is too short: give keys of {GOOD_KEYS}")
    if not all(KEY.fullmatch(key.get_secret_value()) for key in keys):
        raise ValueError("has a key with spaces or characters beyond ASCII")
    return keys


def _check_hosts(listed: tuple[str, ...]) -> tuple[str, ...]:
    hosts = tuple(host.lower() for host in listed)
    if not all(HOST.fullmatch(host) for host in hosts):
        raise ValueError("must be hosts like example.com, *.example.com or example.com:8443")
    return hosts


def _check_private_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if any(host.startswith("*") for host in hosts):
        raise ValueError("must name each host: one in a private network is never any host")
    return hosts


def _check_folder(folder: Path) -> Path:
    # `Path` makes s3:/bucket of s3://bucket.
    if ":" in str(folder).partition("/")[0]:
        raise ValueError("must be a folder of a file system; MASKSTREAM_BUCKET names a bucket")
    return folder


def _check_bucket(address: str) -> str:
    if not BUCKET.fullmatch(address):
        raise ValueError("must be an address like s3://bucket/folder")
    return address


def _check_store(address: str) -> str:
    if address != "memory" and not address.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be 'memory' or an address that starts with redis://")
    return address


def _check_weights(weights: str) -> str:
    if weights not in ("auto", "random") and not Path(weights).is_file():
        raise ValueError("names no file (nor is it 'auto' or 'random')")
    return weights


def _check_broker(value: SecretStr) -> SecretStr:
    read_broker(value.get_secret_value())
    return value


def _check_secret(secret: SecretStr) -> SecretStr:
    secret_key(secret.get_secret_value())
    return secret


def _tidy_path(path: str) -> str:
    if not PATH.fullmatch(path):
        raise ValueError("must be a path like /mask")
    return "/" + path.strip("/") if path.strip("/") else ""


RootPath = Annotated[str, AfterValidator(_tidy_path)]
"""Begins with a slash and ends with none; empty where there is no such path."""
WordList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_list)]
HostList = Annotated[WordList, AfterValidator(_check_hosts)]
PrivateHosts = Annotated[HostList, AfterValidator(_check_private_hosts)]
Folder = Annotated[Path, AfterValidator(_check_folder)]
BucketAddress = Annotated[str, AfterValidator(_check_bucket)]
StoreAddress = Annotated[str, AfterValidator(_check_store)]
Weights = Annotated[str, AfterValidator(_check_weights)]
"""A file, `auto` or `random`."""
BrokerAddress = Annotated[SecretStr, AfterValidator(_check_broker)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_check_secret)]
KeyList = Annotated[
    tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_keys), AfterValidator(_check_keys)
]
"""Text without a key is refused: a list that was lost on its way must not open the server."""


def _one_of(names: Sequence[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"is none of {', '.join(names)}")
        return name

    return AfterValidator(check)


Backend = Annotated[str, _one_of(CHOICES)]
Precision = Annotated[str, _one_of(PRECISIONS)]
