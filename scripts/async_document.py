"""The AsyncAPI document of the WebSockets, from the annotations of the control messages."""

import inspect
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from maskstream_protocol import STREAM_PATH, SUBPROTOCOL
from maskstream_protocol.fields import Between, Checked
from maskstream_protocol.messages import MASK_SCALES, ClientMessage, MaskScale, PromptTexts
from maskstream_protocol.notices import ErrorMessage, ServerMessage, Watching
from maskstream_protocol.prompts import MAX_PROMPT_CHARACTERS, MAX_PROMPTS
from maskstream_protocol.rules import NAME, Point, RuleName

Schema = dict[str, Any]
TEXT: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": MAX_PROMPT_CHARACTERS}
RULES: Final = {
    "MaskScale": (MaskScale, {"type": "number", "enum": list(MASK_SCALES)}),
    "PromptTexts": (
        PromptTexts,
        {"type": "array", "items": TEXT, "minItems": 1, "maxItems": MAX_PROMPTS},
    ),
    "Point": (
        Point,
        {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    ),
    "RuleName": (RuleName, {"type": "string", "pattern": f"^{NAME.pattern}$"}),
}
"""Types whose rule is a function: what it accepts, once blanks around texts are gone."""
BINARY: Final = {
    "Frame": "One picture: a header of 32 bytes, then the payload (docs/protocol.md 2).",
    "Result": "What was found in a frame: header, object table, masks (docs/protocol.md 3).",
}


def async_document() -> dict[str, Any]:
    """Return the document; operations are those of a server."""
    sent_by_client, sent_by_server = get_args(ClientMessage), get_args(ServerMessage)
    messages = {kind.__name__: _message(kind) for kind in (*sent_by_client, *sent_by_server)}
    messages |= {name: _binary(name, text) for name, text in BINARY.items()}
    from_client = [*_names(sent_by_client), "Frame"]
    to_client = [*_names(kind for kind in sent_by_server if kind is not Watching), "Result"]
    to_viewer = ["Watching", "Result", ErrorMessage.__name__]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Maskstream wire protocol",
            "version": SUBPROTOCOL.rpartition(".v")[2],
            "description": "Frames in, masks with lasting identities out, over one WebSocket "
            f"with the subprotocol {SUBPROTOCOL}. docs/protocol.md is the contract.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "stream": _channel(STREAM_PATH, [*from_client, *to_client]),
            "watch": _channel("/v1/sessions/{session}/watch", to_viewer)
            | {"parameters": {"session": {"description": "As `welcome.session` names it."}}},
        },
        "operations": {
            "receiveFromClient": _operation("receive", "stream", from_client),
            "sendToClient": _operation("send", "stream", to_client),
            "sendToViewer": _operation("send", "watch", to_viewer),
        },
        "components": {"messages": messages, "schemas": _inner_schemas(messages)},
    }


def _names(kinds: Any) -> list[str]:
    return [kind.__name__ for kind in kinds]


def _channel(address: str, messages: list[str]) -> Schema:
    listed = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    return {"address": address, "messages": listed, "bindings": {"ws": {"method": "GET"}}}


def _operation(action: str, channel: str, messages: list[str]) -> Schema:
    listed = [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": listed,
    }


def _message(kind: Any) -> Schema:
    payload = object_schema(kind)
    payload["properties"] = {"type": {"const": kind.type}, **payload["properties"]}
    payload["required"] = ["type", *payload["required"]]
    return {"name": kind.type, "summary": _summary(kind), "payload": payload}


def _binary(name: str, summary: str) -> Schema:
    return {
        "name": name.upper(),
        "contentType": "application/octet-stream",
        "summary": summary,
        "payload": {"type": "string", "format": "binary"},
    }


def _inner_schemas(messages: dict[str, Schema]) -> dict[str, Schema]:
    """Return the schemas of all objects inside of messages."""
    kinds = [hint for kind in get_args(ClientMessage | ServerMessage) for hint in _objects_in(kind)]
    return {kind.__name__: object_schema(kind) for kind in kinds}


def _objects_in(kind: Any) -> list[Any]:
    """Return the dataclasses that fields of a dataclass hold, at any depth."""
    found: list[Any] = []
    waiting = list(get_type_hints(kind, include_extras=True).values())
    while waiting:
        hint = waiting.pop(0)
        waiting += [each for each in get_args(hint) if not isinstance(each, Checked | Between)]
        if isinstance(hint, type) and is_dataclass(hint):
            found += [hint, *_objects_in(hint)]
    return found


def object_schema(kind: Any) -> Schema:
    """Return the JSON schema of a dataclass; fields of later versions may be there too."""
    hints = get_type_hints(kind, include_extras=True)
    described = fields(kind)
    return {
        "type": "object",
        "description": _summary(kind),
        "properties": {
            each.name: _field_schema(hints[each.name], each.default is not MISSING)
            for each in described
        },
        "required": [each.name for each in described if each.default is MISSING],
    }


def _field_schema(hint: Any, has_default: bool) -> Schema:
    """Return the schema of a field; as in `maskstream_protocol/fields.py`, null is a default."""
    is_optional = get_origin(hint) in (Union, UnionType)
    inner = get_args(hint)[0] if is_optional else hint
    schema = value_schema(inner)
    is_choice = get_origin(inner) is Literal
    if schema and (is_optional or (has_default and not is_choice)):
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def value_schema(hint: Any) -> Schema:
    """Return the schema of a value that is not null; empty for one that may be anything."""
    for rule, schema in RULES.values():
        if hint == rule:
            return schema
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = arguments[1]
        kind = "integer" if arguments[0] is int else "number"
        return {"type": kind, "minimum": bounds.low, "maximum": bounds.high}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": value_schema(arguments[0])}
    if isinstance(hint, type) and is_dataclass(hint):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}
    if hint is Any:
        return {}
    return {"type": {str: "string", bool: "boolean", float: "number"}[hint]}


def _summary(kind: Any) -> str:
    """Return the first sentence of its docstring, without what it says of `Attributes`."""
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
