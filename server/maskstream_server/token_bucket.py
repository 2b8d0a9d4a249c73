"""How much may happen in a time: a token bucket, pure."""


class TokenBucket:
    """Grows by `per_s` a second up to `burst`, and is spent by what happens.

    Args:
        per_s: what may happen in each second in the long run, above 0.
        burst: what may happen at once after a quiet time.
        now_s: the time; it only grows.
    """

    def __init__(self, per_s: float, burst: float, now_s: float = 0.0) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._at_s = burst, now_s

    def spend(self, cost: float, now_s: float) -> bool:
        """Spend `cost`; False, and nothing spent, where less is left."""
        self._grow(now_s)
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def charge(self, cost: float, now_s: float) -> float:
        """Spend `cost` whatever is left; returns the seconds until the debt is paid, 0 for none."""
        self._grow(now_s)
        self._left -= cost
        return max(0.0, -self._left / self._per_s)

    def _grow(self, now_s: float) -> None:
        grown = self._left + self._per_s * (now_s - self._at_s)
        self._left, self._at_s = min(self._burst, grown), now_s
