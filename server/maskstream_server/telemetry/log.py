"""structlog, set up once by the command: constant event names with keys, JSON or console."""

import logging
import sys
from typing import Literal

import structlog

Format = Literal["console", "json"]


def set_up_logging(log_format: Format, level: str) -> None:
    """Send our events and those of other libraries through one formatter to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(log_format, shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _quieten_others()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _formatter(
    log_format: Format, shared: list[structlog.typing.Processor]
) -> structlog.stdlib.ProcessorFormatter:
    # Plain traces: the pretty ones take seconds, and print the values of variables.
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    extra: list[structlog.typing.Processor] = []
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
        extra = [structlog.processors.format_exc_info]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *extra,
            renderer,
        ],
    )


def _quieten_others() -> None:
    """Keep the errors of other libraries, not their chatter, such as torch's counts as it ends."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets", "docket", "torch"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)
