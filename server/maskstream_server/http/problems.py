"""REST errors as problem documents (RFC 9457) with the codes of the wire."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from maskstream_protocol.errors import StoreAwayError, WireError
from maskstream_server.errors import answer_to
from maskstream_server.jobs.errors import VideoError
from maskstream_server.stores.errors import StoreUnreachableError

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


def problem_of_video(error: VideoError) -> JSONResponse:
    """Return the problem document of an error with a whole video."""
    return problem(error.http_status, error.code, str(error))


def install_problems(app: FastAPI) -> None:
    """Answer every exception of a route with a problem document."""

    async def wire(request: Request, error: Exception) -> JSONResponse:
        return problem_of(answer_to(error))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = HTTPStatus(error.status_code).name.lower()
        return problem(error.status_code, code, str(error.detail))

    async def video(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, VideoError)
        return problem_of_video(error)

    async def away(request: Request, error: Exception) -> JSONResponse:
        return problem(503, StoreAwayError.code, "The server's store is away; try again.")

    async def gone(request: Request, error: Exception) -> JSONResponse:
        # Nobody reads it; but it is the client's doing, not a mistake of ours to be logged.
        return problem(400, "bad_request", "The client broke off.")

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        fault = error.errors()[0]
        return problem(422, "bad_request", f"{fault['loc'][-1]}: {fault['msg']}.")

    app.add_exception_handler(WireError, wire)
    app.add_exception_handler(VideoError, video)
    app.add_exception_handler(StoreUnreachableError, away)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, wire)
