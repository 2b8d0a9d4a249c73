"""docs/api/ has the documents of today: of the REST routes, and of messages as they are read."""

import importlib.util
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from docs.pages import CHECKOUT
from maskstream_protocol.errors import BadMessageError
from maskstream_protocol.messages import ControlMessage, parse_client_message
from maskstream_server.http.access import PUBLIC
from protocol.strategies import client_messages, server_messages
from support.bare_app import application

FOLDER = CHECKOUT / "docs" / "api"
OPENAPI = json.loads((FOLDER / "openapi.json").read_text())
ASYNCAPI = json.loads((FOLDER / "asyncapi.json").read_text())
WRITE = "run scripts/api_documents.py, and say in CHANGELOG.md what has changed for clients"


def async_document() -> dict[str, Any]:
    path = CHECKOUT / "scripts" / "async_document.py"
    spec = importlib.util.spec_from_file_location("async_document", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.async_document()


def test_the_documents_do_not_change_unannounced():
    assert json.loads(json.dumps(application().openapi())) == OPENAPI, WRITE
    assert json.loads(json.dumps(async_document())) == ASYNCAPI, WRITE


def test_the_openapi_document_is_valid_and_names_every_route_once():
    validate(OPENAPI)
    operations = [each for path in OPENAPI["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names) > 20
    assert all(each["description"] and each["responses"]["default"] for each in operations)


def test_the_openapi_document_says_which_routes_need_a_key():
    open_paths = {path for _, path in PUBLIC}
    for path, operations in OPENAPI["paths"].items():
        for operation in operations.values():
            assert ({"key": []} in operation["security"]) == (path not in open_paths)


def refs(part: Any) -> list[str]:
    if isinstance(part, list):
        return [ref for each in part for ref in refs(each)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [ref for each in part.values() for ref in refs(each)]


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document):
    found = refs(document)
    assert len(found) > 20
    for ref in found:
        place = document
        for step in ref.removeprefix("#/").split("/"):
            place = place[step]


def test_operations_have_every_message_and_their_channels_have_theirs():
    used = set()
    for operation in ASYNCAPI["operations"].values():
        channel = operation["channel"]["$ref"].rpartition("/")[2]
        names = {each["$ref"].rpartition("/")[2] for each in operation["messages"]}
        assert names <= ASYNCAPI["channels"][channel]["messages"].keys()
        used |= names
    assert used == ASYNCAPI["components"]["messages"].keys()


def schema_of(name: str) -> Draft202012Validator:
    """The schema of a message, with the objects in it."""
    payload = ASYNCAPI["components"]["messages"][name]["payload"]
    return Draft202012Validator({**payload, "components": ASYNCAPI["components"]})


def fits(message: ControlMessage) -> None:
    schema_of(type(message).__name__).validate(json.loads(message.to_json()))


@given(client_messages)
@settings(deadline=None)
def test_what_a_client_says_fits_its_schema(message):
    fits(message)


@given(server_messages)
@settings(deadline=None)
def test_what_a_server_says_fits_its_schema(message):
    fits(message)


@pytest.mark.parametrize(
    ("name", "fields", "is_right"),
    [
        ("Hello", {}, True),
        ("Hello", {"model": None, "masks": "bits", "mask_scale": 0.5, "later": [1]}, True),
        ("Hello", {"codecs": None, "provisional": None}, True),
        ("Hello", {"masks": None}, False),
        ("Hello", {"policy": "fastest"}, False),
        ("Hello", {"mask_scale": 0.3}, False),
        ("Hello", {"width": 0}, False),
        ("Hello", {"width": 65536}, False),
        ("Hello", {"min_score": "0.5"}, False),
        ("Hello", {"classes": "person"}, False),
        ("Hello", {"prompts": []}, False),
        ("Hello", {"prompts": ["x"] * 17}, False),
        ("Hello", {"resume": {"token": "t"}}, False),
        ("Hello", {"resume": {"token": "t", "last_sequence": 0}}, True),
        ("Ack", {}, False),
        ("Ack", {"sequence": -1}, False),
        ("Ack", {"sequence": 2**64 - 1}, True),
        ("Ack", {"sequence": True}, False),
        ("Flush", {"id": {"any": ["value"]}}, True),
        ("Prompts", {"prompts": ["a cat"]}, True),
        ("Prompts", {}, False),
    ],
)
def test_a_schema_refuses_what_the_server_refuses(name, fields, is_right):
    message = {"type": name.lower(), **fields}
    assert schema_of(name).is_valid(message) == is_right
    try:
        parse_client_message(json.dumps(message))
        assert is_right
    except BadMessageError:
        assert not is_right


def test_the_page_of_the_routes_is_that_of_the_document():
    command = [sys.executable, CHECKOUT / "scripts" / "rest_page.py", "--check"]
    assert subprocess.run(command, timeout=60).returncode == 0, "run scripts/rest_page.py"
