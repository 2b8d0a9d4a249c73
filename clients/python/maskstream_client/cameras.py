"""Cameras by number, as each system knows them."""

from __future__ import annotations

import sys
from typing import Final

from maskstream_client.errors import SourceError
from maskstream_media.installed import camera_names

_BY_NUMBER: Final = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}")}
_WINDOWS: Final = "dshow"
DEVICE_FORMAT: Final = {"linux": "v4l2"}
"""By which a device path such as /dev/video2 is read, on systems where cameras have one."""


def camera_address(index: int) -> tuple[str, str]:
    """Return the format and the address under which FFmpeg opens camera `index`, from 0.

    Raises:
        SourceError: there is none, or cameras of this system are not known.
    """
    if sys.platform == "win32":
        return _WINDOWS, f"video={_name_on_windows(index)}"
    if sys.platform not in _BY_NUMBER:
        raise SourceError(f"Cameras are not known on {sys.platform}; name a URL instead.")
    format_name, address = _BY_NUMBER[sys.platform]
    return format_name, address.format(index)


def _name_on_windows(index: int) -> str:
    """Windows knows cameras by name; a number is their place in its list."""
    names = camera_names(_WINDOWS)
    if index >= len(names):
        raise SourceError(f"camera {index} is not there; Windows lists {len(names)}.")
    return names[index]
