"""uvicorn's configuration, with what our protocols read beside it."""

from typing import Any

import uvicorn

from maskstream_server.config.settings import Settings
from maskstream_server.transport.gate import Gate


class TransportConfig(uvicorn.Config):
    """`settings` of the server, and the `gate` that counts its connections."""

    def __init__(self, app: Any, settings: Settings, **options: Any) -> None:
        super().__init__(app, **options)
        self.settings = settings
        self.gate = Gate(
            settings.max_connections,
            settings.max_connections_per_address,
            settings.max_before_hello,
        )
