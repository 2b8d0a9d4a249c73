"""API keys as people give them: from files of any editor, and from variables."""

from __future__ import annotations

_BYTE_ORDER_MARK = "\ufeff"


def cleaned(api_key: str | None) -> str | None:
    """The key without byte order mark, line end and blanks around it; None where none is left.

    Raises:
        ValueError: more than one key, or characters that no header can carry.
    """
    # Where the locale is C, Python keeps the mark's bytes apart.
    text = (api_key or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    key = text.strip().removeprefix(_BYTE_ORDER_MARK).strip()
    if len(key.replace(",", " ").split()) > 1:
        raise ValueError("There is more than one API key in --api-key (or MASKSTREAM_API_KEY).")
    if not key.isascii() or not key.isprintable():
        raise ValueError(
            "The API key in --api-key (or MASKSTREAM_API_KEY) has characters that are not ASCII."
        )
    return key or None


def bearer(api_key: str | None) -> dict[str, str]:
    """The headers that a key makes."""
    key = cleaned(api_key)
    return {"Authorization": f"Bearer {key}"} if key else {}
