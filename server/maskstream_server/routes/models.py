"""`/v1/models`: what this server runs, and what its classes mean (protocol.md section 8)."""

from typing import Any

from fastapi import APIRouter, Depends, Request

from maskstream_protocol.errors import ModelUnknownError
from maskstream_server.http.access import check_key
from maskstream_server.lifecycle.service import Service


def model_routes(service: Service) -> APIRouter:
    """Return the routes of models."""

    async def with_key(request: Request) -> None:
        check_key(request.headers, service.settings)

    router = APIRouter(prefix="/v1/models", dependencies=[Depends(with_key)])

    @router.get("")
    async def models() -> dict[str, Any]:
        return {"models": [_summary(service)]}

    @router.get("/{name}")
    async def model(name: str) -> dict[str, Any]:
        if name != service.model.config.name:
            raise ModelUnknownError(f"This server has no model {name!r}.")
        return {**_summary(service), **_details(service)}

    return router


def _summary(service: Service) -> dict[str, Any]:
    config = service.model.config
    return {
        "name": config.name,
        "task": config.task,
        "backbone": config.segmenter.backbone.kind,
        "num_classes": config.num_classes,
        "fingerprint": service.model.fingerprint,
        "default": True,
        "ready": service.engine.ready,
    }


def _details(service: Service) -> dict[str, Any]:
    config = service.model.config
    classes = [
        {"id": index, "name": info.name, "color": info.color, "thing": info.thing}
        for index, info in enumerate(config.classes)
    ]
    return {
        "classes": classes,
        "min_score": config.online.report_score_min,
        "show_min": config.online.show_score_min,
        "input": {
            "min_size": config.online.min_size,
            "max_pixels": service.settings.max_frame_pixels,
        },
    }
