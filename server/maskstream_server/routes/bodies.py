"""What the OpenAPI document says of bodies and headers that routes read and write themselves."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi.responses import Response, StreamingResponse

Schema = Mapping[str, Any]

BINARY: Final = {"type": "string", "format": "binary"}
BYTES: Final = {"application/octet-stream": BINARY}
OPTIONS: Final = {"$ref": "#/components/schemas/JobOptions"}
SCHEMAS: Final[dict[str, Schema]] = {
    "VideoForm": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": BINARY, "options": OPTIONS},
    },
    "VideoSubmission": {
        "type": "object",
        "description": "Either an `upload` that is complete, or a `url` to be fetched.",
        "properties": {
            "upload": {"type": "string"},
            "url": {"type": "string"},
            "options": OPTIONS,
        },
        "additionalProperties": False,
    },
}
"""Components of the document that no route has as a type."""
SUBMISSION: Final[dict[str, Schema]] = {
    "multipart/form-data": {"$ref": "#/components/schemas/VideoForm"},
    "application/json": {"$ref": "#/components/schemas/VideoSubmission"},
}


class BytesResponse(Response):
    """Bytes, as a file has them."""

    media_type = "application/octet-stream"


class LineResponse(StreamingResponse):
    """JSON, one line each."""

    media_type = "application/x-ndjson"


def body_of(content: Mapping[str, Schema]) -> dict[str, Any]:
    """Return a route's `openapi_extra` for a body of one of these media types."""
    described = {media_type: {"schema": schema} for media_type, schema in content.items()}
    return {"requestBody": {"required": True, "content": described}}


def headers_of(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return a route's `openapi_extra` for headers that it needs."""
    return {
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": schema}
            for name, schema in schemas.items()
        ]
    }
