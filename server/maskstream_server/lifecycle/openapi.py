"""The OpenAPI document of the REST routes: what FastAPI knows, and what holds for every route."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic import TypeAdapter

from maskstream_server.http.access import PUBLIC
from maskstream_server.http.problems import MEDIA_TYPE, Problem
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.routes.bodies import SCHEMAS

REF: Final = "#/components/schemas/{model}"
REFUSAL: Final = {
    "description": "A problem document (RFC 9457)",
    "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}},
}
KEY: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, where the operator has set any.",
}
OF_FASTAPI: Final = ("HTTPValidationError", "ValidationError")


def document_routes(app: FastAPI) -> None:
    """Let `app.openapi()` say how routes refuse requests, and which of them need a key."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(described())
        return app.openapi_schema

    vars(app)["openapi"] = openapi


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    public = {path for _, path in PUBLIC}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    # Of OpenAPI 3.2, which the document does not say that it is.
                    if content.pop("itemSchema", None):
                        content["schema"] = {"type": "string"}
            operation["responses"]["default"] = REFUSAL
            operation["security"] = [] if path in public else [{"key": []}, {}]
    components = document["components"]
    for name in OF_FASTAPI:
        components["schemas"].pop(name, None)
    components["schemas"] |= _schemas(Problem) | _schemas(JobOptions) | SCHEMAS
    components["securitySchemes"] = {"key": KEY}
    return document


def _schemas(kind: type[Any]) -> dict[str, Any]:
    """Return the schema of a value that is read, or of one without defaults, by its name.

    With those of the objects inside of it.
    """
    schema = TypeAdapter(kind).json_schema(ref_template=REF)
    inner: dict[str, Any] = schema.pop("$defs", {})
    return inner | {kind.__name__: schema}
