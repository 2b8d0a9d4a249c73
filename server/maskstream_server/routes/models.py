"""`/v1/models`: what this server runs, and what its classes mean (docs/protocol.md 8)."""

from dataclasses import dataclass

from fastapi import APIRouter

from maskstream_model.port import PromptUse
from maskstream_protocol.errors import ModelUnknownError
from maskstream_server.streaming.ports import SessionPorts


@dataclass(frozen=True)
class ModelSummary:
    """A model that this server runs; `default` is the one that a client gets who names none."""

    name: str
    task: str
    backbone: str
    backend: str
    precision: str
    num_classes: int
    fingerprint: str
    lookahead: int | None
    prompts: PromptUse
    default: bool
    ready: bool


@dataclass(frozen=True)
class ModelList:
    """The models that this server runs."""

    models: list[ModelSummary]


@dataclass(frozen=True)
class ModelClass:
    """A class: its id on the wire, a colour `#rrggbb`, thing or stuff."""

    id: int
    name: str
    color: str
    thing: bool


@dataclass(frozen=True)
class ModelDetails(ModelSummary):
    """A model with its classes, and scores from which tracks are mentioned and drawn.

    `agreement`: how far a backend was from eager when the server started; empty for eager.
    """

    classes: list[ModelClass]
    min_score: float
    show_min: float
    agreement: dict[str, bool | float]
    input: dict[str, int | None]


def model_routes(service: SessionPorts) -> APIRouter:
    """Return the routes of models."""
    router = APIRouter(prefix="/v1/models", tags=["models"])

    @router.get("")
    async def list_models() -> ModelList:
        """List the models that this server runs."""
        return ModelList([_summary(service)])

    @router.get("/{name}")
    async def get_model(name: str) -> ModelDetails:
        """Return a model with its classes, thresholds and input size."""
        if name != service.model.info.name:
            raise ModelUnknownError(f"This server has no model {name!r}.")
        return _details(service)

    return router


def _summary(service: SessionPorts) -> ModelSummary:
    info = service.model.info
    return ModelSummary(
        name=info.name,
        task=info.task,
        backbone=info.backbone,
        backend=info.backend,
        precision=info.precision,
        num_classes=len(info.classes or ()),
        fingerprint=info.fingerprint,
        lookahead=info.lookahead,
        prompts=info.prompts,
        default=True,
        ready=service.engine.ready,
    )


def _details(service: SessionPorts) -> ModelDetails:
    info = service.model.info
    classes = [
        ModelClass(index, each.name, each.color, each.thing)
        for index, each in enumerate(info.classes or ())
    ]
    return ModelDetails(
        **vars(_summary(service)),
        classes=classes,
        min_score=info.report_score_min,
        show_min=info.show_score_min,
        agreement=dict(info.agreement),
        input={**info.input_rule, "max_pixels": service.settings.max_frame_pixels},
    )
