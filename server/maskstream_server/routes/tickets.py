"""`/v1/tickets`: what lets a browser with a key open a WebSocket (docs/protocol.md 10)."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from maskstream_server.http.tickets import TICKET_S, Tickets


@dataclass(frozen=True)
class IssuedTicket:
    """A ticket, to be offered as the subprotocol `maskstream.ticket.<ticket>`."""

    ticket: str
    expires_in_s: int


def ticket_routes(tickets: Tickets) -> APIRouter:
    """Return the route that issues tickets."""
    router = APIRouter(tags=["tickets"])

    @router.post("/v1/tickets", status_code=201)
    async def issue_ticket(request: Request, response: Response) -> IssuedTicket:
        """Issue a ticket: it opens one WebSocket, on any server of the store, within 30 s."""
        response.headers["Cache-Control"] = "no-store"
        return IssuedTicket(await tickets.issue(request.state.caller), int(TICKET_S))

    return router
