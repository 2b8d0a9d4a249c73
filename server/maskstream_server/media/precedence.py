"""Lower priority for batch work, so that live sessions get the cores where they are scarce."""

import os
import sys
from typing import Final

NICENESS: Final = 10


def lower_priority() -> None:
    """Lower the priority of this thread, and of the threads and processes that it begins.

    Only on Linux: elsewhere that would be the whole process.
    """
    if sys.platform == "linux":
        os.nice(max(0, NICENESS - os.nice(0)))
