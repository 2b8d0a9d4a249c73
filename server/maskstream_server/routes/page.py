"""`/`: the page for browsers and the client that it is made with, files of `maskstream_web`.

They hold nothing secret and need no key. The policy lets the page load nothing from elsewhere and
run no script but these files, whatever text a file name, a label or a prompt smuggles in.
"""

from pathlib import Path, PurePosixPath
from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.staticfiles import StaticFiles

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), display-capture=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept, and asked for anew each time: after an update no file of the old page is left.
    "Cache-Control": "no-cache",
}
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
"""What is served; a browser would not run what came as another type. Others are not found."""
METHODS: Final = ["GET", "HEAD"]


def page_routes(folder: Path) -> APIRouter:
    """Return the routes of the page.

    Args:
        folder: with the folders `page`, in which `index.html` is, and `client`.
    """
    router = APIRouter(include_in_schema=False)
    page, client = _Files(folder / "page"), _Files(folder / "client")

    @router.api_route("/", methods=METHODS)
    @router.api_route("/index.html", methods=METHODS)
    async def index(request: Request) -> Response:
        return await page.answer("index.html", request)

    @router.api_route("/page/{path:path}", methods=METHODS)
    async def page_file(path: str, request: Request) -> Response:
        return await page.answer(path, request)

    @router.api_route("/client/{path:path}", methods=METHODS)
    async def client_file(path: str, request: Request) -> Response:
        return await client.answer(path, request)

    return router


class _Files:
    """The files of a folder, with those below it and none beside it."""

    def __init__(self, folder: Path) -> None:
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def answer(self, path: str, request: Request) -> Response:
        """Return a file, a range of it, or that it has not changed.

        Raises:
            HTTPException: there is none.
        """
        media_type = MEDIA_TYPES.get(PurePosixPath(path).suffix)
        if media_type is None:
            raise HTTPException(404)
        response = await self._files.get_response(path, request.scope)
        response.headers.update(HEADERS | {"Content-Type": media_type})
        return response
