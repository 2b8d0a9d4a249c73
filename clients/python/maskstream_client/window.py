"""A window that shows frames as they come, by tkinter of the standard library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from maskstream_client.errors import OutputError
from maskstream_client.pictures import Pixels

if TYPE_CHECKING:
    import tkinter

QUIT_KEYS: Final = ("q", "<Escape>")
SHARE_OF_SCREEN: Final = 0.9


class Display(Protocol):
    """Where frames are shown."""

    def show(self, pixels: Pixels) -> None:
        """Show a frame, (H, W, 3); nothing once it has been closed."""

    def close(self) -> None:
        """Take it away."""


OpenDisplay = Callable[[str, Callable[[], None]], Display]
"""Opens one with a title; its user closing it calls the function."""


def open_window(title: str, closed: Callable[[], None]) -> Display:
    """Open a window on this machine's display, for the thread that will show frames.

    Raises:
        OutputError: there is no display, or this Python has no tkinter.
    """
    try:
        import tkinter
    except ImportError:
        raise OutputError(
            "--show needs tkinter, which this Python lacks (Debian has it as python3-tk)."
        ) from None
    try:
        root = tkinter.Tk(className="maskstream")
    except tkinter.TclError as error:
        raise OutputError(
            f"--show needs a display, and there is none here ({error}): "
            "leave it out, or write a video with --out."
        ) from None
    root.title(title)
    return _Window(root, tkinter.Label(root, borderwidth=0), closed)


class _Window:
    """A window that is kept up to date by each frame; q, Escape and its own button close it."""

    def __init__(self, root: tkinter.Tk, label: tkinter.Label, closed: Callable[[], None]) -> None:
        self._root, self._label, self._closed = root, label, closed
        self._is_open = True
        self._picture: tkinter.PhotoImage | None = None
        label.pack()
        root.protocol("WM_DELETE_WINDOW", self._quit)
        for key in QUIT_KEYS:
            root.bind(key, lambda event: self._quit())

    def show(self, pixels: Pixels) -> None:
        """See `Display.show`."""
        if not self._is_open:
            return
        from tkinter import PhotoImage

        step = self._step(*pixels.shape[:2])
        # tkinter itself does not keep a picture that it shows.
        self._picture = PhotoImage(
            master=self._root, data=ppm(pixels[::step, ::step]), format="PPM"
        )
        self._label.configure(image=self._picture)
        self._root.update()

    def close(self) -> None:
        """See `Display.close`."""
        if self._is_open:
            self._is_open = False
            self._root.destroy()

    def _quit(self) -> None:
        self.close()
        self._closed()

    def _step(self, height: int, width: int) -> int:
        """Return of which pixels one is shown, so that a large frame fits the screen."""
        limit_height = SHARE_OF_SCREEN * self._root.winfo_screenheight()
        limit_width = SHARE_OF_SCREEN * self._root.winfo_screenwidth()
        return max(1, -int(-height // limit_height), -int(-width // limit_width))


def ppm(pixels: Pixels) -> bytes:
    """Return a frame as a PPM file, which Tk reads without any library."""
    height, width = pixels.shape[:2]
    return b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()
