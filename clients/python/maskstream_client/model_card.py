"""A model's classes and what it shows, from the server's REST route (docs/protocol.md 8)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from maskstream_client.errors import ConnectionFailedError
from maskstream_client.keys import bearer
from maskstream_client.network import proxy_for, trust
from maskstream_client.urls import http_url, resolved

_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class ClassInfo:
    """One class of a model."""

    id: int
    name: str
    color: str
    thing: bool


@dataclass(frozen=True)
class ModelCard:
    """What a server says of a model.

    Attributes:
        classes: by id.
        show_min: score from which its tracks are drawn; 0: all are, as with older servers.
    """

    classes: dict[int, ClassInfo]
    show_min: float = 0.0


def fetch_card(url: str, classes_url: str, api_key: str | None = None) -> ModelCard:
    """Read the card of the model that a stream's `welcome` named.

    Raises:
        ConnectionFailedError: the route does not answer as it should.
    """
    base = http_url(url)
    address = resolved(base, classes_url)
    same_host = urlsplit(address).netloc == urlsplit(base).netloc
    headers = bearer(api_key) if same_host else {}
    if urlsplit(address).scheme not in ("http", "https"):
        raise ConnectionFailedError(f"{address} is no address of a model's classes.")
    try:
        with _opener(address).open(Request(address, headers=headers), timeout=_TIMEOUT_S) as answer:
            card = json.load(answer)
        classes = {item["id"]: _class_info(item) for item in card["classes"] or ()}
        return ModelCard(classes, float(card.get("show_min", 0.0)))
    except (URLError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConnectionFailedError(f"The classes at {address} cannot be read: {error}.") from error


def _opener(address: str) -> OpenerDirector:
    proxy = proxy_for(address)
    proxies = {} if proxy is None else {urlsplit(address).scheme: proxy}
    return build_opener(ProxyHandler(proxies), HTTPSHandler(context=trust()))


def _class_info(item: dict[str, Any]) -> ClassInfo:
    return ClassInfo(int(item["id"]), str(item["name"]), str(item["color"]), bool(item["thing"]))
