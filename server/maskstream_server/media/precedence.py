"""Work that nobody watches leaves the cores to live sessions where they are scarce."""

import os
import sys
from typing import Final

NICENESS: Final = 10


def stand_back() -> None:
    """Lower the priority of this thread, and of the threads and processes that it begins.

    Only on Linux: elsewhere that would be the whole process.
    """
    if sys.platform == "linux":
        os.nice(max(0, NICENESS - os.nice(0)))
