"""REST errors as problem documents (RFC 9457) with the codes of the wire."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from maskstream_protocol.errors import WireError
from maskstream_server.errors import answer_to

MEDIA_TYPE = "application/problem+json"


def problem(status: int, code: str, detail: str) -> JSONResponse:
    """Return a problem document; `code` is the wire's where it has one."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def problem_of(error: WireError) -> JSONResponse:
    """Return the problem document of a wire error."""
    return problem(error.http_status, error.code, error.message)


def install_problems(app: FastAPI) -> None:
    """Answer every exception of a route with a problem document."""

    async def wire(request: Request, error: Exception) -> JSONResponse:
        return problem_of(answer_to(error))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = HTTPStatus(error.status_code).name.lower()
        return problem(error.status_code, code, str(error.detail))

    app.add_exception_handler(WireError, wire)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, wire)
