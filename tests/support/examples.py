"""How many examples hypothesis draws: few and the same ones, or many and others each time."""

import os

from hypothesis import HealthCheck, settings

IS_THOROUGH = os.environ.get("MASKSTREAM_THOROUGH") == "1"
"""`make test-all` sets it. `make test` says of a change today what it said yesterday."""


def examples(number: int, **changes: object) -> settings:
    """Settings for this many examples; where the run is thorough, for five times as many."""
    return settings(max_examples=5 * number if IS_THOROUGH else number, **changes)


PROFILE = settings(
    examples(60),
    deadline=None,  # machines are noisy: a slow example is no failure
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not IS_THOROUGH,
    database=None,
    print_blob=True,
)
