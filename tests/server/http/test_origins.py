"""Pages of allowed origins may read what the REST routes answer, and pages of others may not."""

import httpx
import pytest

from support.bare_app import KEY, application

LISTED = "https://listed.example"
OTHER = "https://other.example"
BEARER = {"Authorization": f"Bearer {KEY}"}
ASKED = {
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization,tus-resumable,upload-offset",
}


async def answer(method: str, path: str, allowed: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(application(allowed_origins=allowed))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.request(method, path, headers=headers)


@pytest.mark.parametrize("allowed", [LISTED, f"https://more.example,{LISTED}"])
async def test_a_listed_origin_may_read_answers_and_their_headers(allowed: str):
    for headers, status in ((BEARER, 201), ({}, 401)):
        got = await answer("POST", "/v1/tickets", allowed, Origin=LISTED, **headers)
        assert got.status_code == status
        assert got.headers["access-control-allow-origin"] == LISTED
        assert got.headers["access-control-expose-headers"] == "*"
        assert "Origin" in got.headers["vary"]


async def test_a_listed_origin_is_allowed_every_header_and_method_that_clients_use():
    got = await answer("OPTIONS", "/v1/uploads/x", LISTED, Origin=LISTED, **ASKED)
    assert got.status_code == 200
    assert "PATCH" in got.headers["access-control-allow-methods"]
    assert got.headers["access-control-allow-headers"] == ASKED["Access-Control-Request-Headers"]


async def test_a_star_lets_every_origin_read():
    got = await answer("GET", "/v1/models", "*", Origin=OTHER, **BEARER)
    assert got.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("allowed", [LISTED, ""])
async def test_other_origins_may_neither_ask_nor_read(allowed: str):
    asked = await answer("OPTIONS", "/v1/uploads/x", allowed, Origin=OTHER, **ASKED)
    assert asked.status_code >= 400
    got = await answer("POST", "/v1/tickets", allowed, Origin=OTHER, **BEARER)
    assert got.status_code == 403
    assert not any("access-control-allow-origin" in each.headers for each in (asked, got))


async def test_the_options_of_uploads_are_still_those_of_tus():
    got = await answer("OPTIONS", "/v1/uploads", LISTED, **BEARER, **{"Tus-Resumable": "1.0.0"})
    assert got.headers["tus-version"] == "1.0.0"
