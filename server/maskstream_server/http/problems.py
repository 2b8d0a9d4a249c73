"""Every exception of a route as a problem document (RFC 9457), with the codes of the wire."""

import math
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from maskstream_protocol.errors import WireError
from maskstream_server.error_answers import public_error
from maskstream_server.errors import MaskstreamServerError

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Problem:
    """Why a request was refused: `detail` in a sentence, `code` as on the wire where it has one."""

    type: str
    title: str
    status: int
    detail: str
    code: str


def problem_response(status: int, code: str, detail: str) -> JSONResponse:
    """Return a problem document; `code` is the wire's where it has one."""
    problem = Problem("about:blank", HTTPStatus(status).phrase, status, detail, code)
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(asdict(problem), status, headers, MEDIA_TYPE)


def error_response(error: Exception) -> JSONResponse:
    """Return the problem document of any exception; see `public_error` for unexpected ones."""
    match error:
        case HTTPException():
            code = HTTPStatus(error.status_code).name.lower()
            return problem_response(error.status_code, code, str(error.detail))
        case RequestValidationError():
            fault = error.errors()[0]
            return problem_response(422, "bad_request", f"{fault['loc'][-1]}: {fault['msg']}.")
        case ClientDisconnect():
            # The client has disconnected, which is not worth a log line.
            return problem_response(400, "bad_request", "The client broke off.")
    known = public_error(error)
    if not isinstance(known, WireError):
        return problem_response(known.http_status, known.code, known.detail)
    answer = problem_response(known.http_status, known.code, known.message)
    if known.retry_after_ms is not None:
        answer.headers["Retry-After"] = str(math.ceil(known.retry_after_ms / 1000))
    return answer


def install_problems(app: FastAPI) -> None:
    """Answer every exception of a route with a problem document."""

    async def answer(connection: Request | WebSocket, error: Exception) -> Any:
        response = error_response(error)
        if isinstance(connection, WebSocket):
            return await connection.send_denial_response(response)
        return response

    # Starlette raises again, behind the answer, what only the handler of `Exception` takes.
    for kind in (
        WireError,
        MaskstreamServerError,
        ClientDisconnect,
        RequestValidationError,
        HTTPException,
        Exception,
    ):
        app.add_exception_handler(kind, answer)
