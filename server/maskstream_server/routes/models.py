"""`/v1/models`: what this server runs, and what its classes mean (docs/protocol.md 8)."""

from typing import Any

from fastapi import APIRouter

from maskstream_protocol.errors import ModelUnknownError
from maskstream_server.streaming.ports import SessionPorts


def model_routes(service: SessionPorts) -> APIRouter:
    """Return the routes of models."""
    router = APIRouter(prefix="/v1/models")

    @router.get("")
    async def models() -> dict[str, Any]:
        """List the models that this server runs."""
        return {"models": [_summary(service)]}

    @router.get("/{name}")
    async def model(name: str) -> dict[str, Any]:
        """Return a model with its classes, thresholds and input size."""
        if name != service.model.info.name:
            raise ModelUnknownError(f"This server has no model {name!r}.")
        return {**_summary(service), **_details(service)}

    return router


def _summary(service: SessionPorts) -> dict[str, Any]:
    info = service.model.info
    return {
        "name": info.name,
        "task": info.task,
        "backbone": info.backbone,
        "backend": info.backend,
        "precision": info.precision,
        "num_classes": len(info.classes or ()),
        "fingerprint": info.fingerprint,
        "lookahead": info.lookahead,
        "default": True,
        "ready": service.engine.ready,
    }


def _details(service: SessionPorts) -> dict[str, Any]:
    info = service.model.info
    classes = [
        {"id": index, "name": each.name, "color": each.color, "thing": each.thing}
        for index, each in enumerate(info.classes or ())
    ]
    return {
        "classes": classes,
        "min_score": info.report_score_min,
        "show_min": info.show_score_min,
        "agreement": dict(info.agreement),
        "input": {**info.input_rule, "max_pixels": service.settings.max_frame_pixels},
    }
