"""Bytes to a server that no client library would send, over a plain blocking socket."""

import socket
import struct
from urllib.parse import urlsplit

from maskstream_protocol import STREAM_PATH, SUBPROTOCOL

CONTINUATION, TEXT, BINARY, PING = 0x0, 0x1, 0x2, 0x9
WITHIN_S = 120.0
_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
)


def connected(url: str) -> socket.socket:
    """Return a connection to the server at `url`; what does not come in time raises."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=WITHIN_S)


def upgrade_request(host: str, path: str = STREAM_PATH) -> bytes:
    """Return what asks for a WebSocket."""
    return _UPGRADE.format(path=path, host=host, subprotocol=SUBPROTOCOL).encode()


def upgraded(url: str, path: str = STREAM_PATH) -> socket.socket:
    """Return a WebSocket that has said no hello; a refusal is left unread.

    Raises:
        ConnectionRefusedError: the server answered anything but 101; the text is its answer.
    """
    link = connected(url)
    link.sendall(upgrade_request(urlsplit(url).netloc, path))
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = link.recv(1)
        if not piece:
            break
        answer += piece
    if b" 101 " not in answer:
        text = answer.decode() + link.recv(65536).decode()
        link.close()
        raise ConnectionRefusedError(text)
    return link


def ws_frame(opcode: int, payload: bytes = b"", fin: bool = True, size: int | None = None) -> bytes:
    """Return a masked frame, whose key changes nothing; `size` claims another length."""
    length = len(payload) if size is None else size
    if length < 126:
        head = struct.pack("!BB", fin << 7 | opcode, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", fin << 7 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", fin << 7 | opcode, 0x80 | 127, length)
    return head + bytes(4) + payload


def read_all(link: socket.socket) -> bytes:
    """Read until the server closes."""
    pieces = []
    try:
        while piece := link.recv(65536):
            pieces.append(piece)
    except ConnectionError:
        pass
    return b"".join(pieces)


def close_code(answer: bytes) -> int | None:
    """Return the code of the close frame at the end of what a server sent."""
    at = answer.rfind(b"\x88")
    return None if at < 0 else int.from_bytes(answer[at + 2 : at + 4], "big")
