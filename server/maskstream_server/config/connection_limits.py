"""What connections may ask of a server, as fields of `Settings`."""

from pydantic import Field
from pydantic_settings import BaseSettings


class SocketSettings(BaseSettings):
    """Limits of connections; sizes are bytes, times seconds."""

    # Connections at once: all, those of one address (a proxy's clients have the proxy's), and
    # WebSockets that have not said hello.
    max_connections: int = Field(512, ge=1)
    max_connections_per_address: int = Field(256, ge=1)
    max_before_hello: int = Field(64, ge=1)
    # Sessions of one address at once; None: as many as there are slots.
    max_sessions_per_address: int | None = Field(None, ge=1)
    # Time for the headers of a request, and time in which its body must bring something.
    request_header_s: float = Field(10.0, gt=0)
    request_stall_s: float = Field(30.0, gt=0)
    # Control messages (acks, pings, flushes) that one client may send in each second in the long
    # run, and twice as many at once.
    max_messages_per_s: float = Field(500.0, ge=1)
