"""What connections may ask of a server, as fields of `Settings`."""

from pydantic import Field
from pydantic_settings import BaseSettings


class SocketSettings(BaseSettings):
    """Limits of connections; sizes are bytes, times seconds."""

    # Control messages (acks, pings, flushes) that one client may send in each second in the long
    # run, and twice as many at once.
    max_messages_per_s: float = Field(500.0, ge=1)
