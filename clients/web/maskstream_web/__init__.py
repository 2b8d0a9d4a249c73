"""The client for browsers and Node, and the page made with it: JavaScript that a server serves."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def web_folder() -> Traversable:
    """The folder with `client/` and `page/`; on any installation of ours it is a folder on disk."""
    return files(__name__)
