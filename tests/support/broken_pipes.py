"""A pipe that nobody reads, as `| head` leaves it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unread_pipe() -> Iterator[int]:
    """The writing end of one."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)
