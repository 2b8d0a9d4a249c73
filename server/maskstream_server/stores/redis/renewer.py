"""Renews leases over a blocking connection of its own, for the lease keeper's thread."""

from collections.abc import Sequence

from redis import Redis
from redis import exceptions as errors
from redis.backoff import NoBackoff
from redis.retry import Retry

from maskstream_server.errors import DamagedKeyError
from maskstream_server.stores.interface import Lease, StoreTimes
from maskstream_server.stores.redis import scripts
from maskstream_server.stores.redis.coding import keys_of, milliseconds
from maskstream_server.stores.redis.connection import AWAY, connection_options, translated


class RedisRenewer:
    """Renews leases over a connection of its own, blocking: for the lease keeper's thread."""

    def __init__(self, url: str, times: StoreTimes, timeout_s: float) -> None:
        self._times = times
        retry = Retry(NoBackoff(), 1, supported_errors=(errors.ConnectionError,))
        self._redis = Redis.from_url(url, retry=retry, **connection_options(timeout_s))
        self._script = self._redis.register_script(scripts.RENEW)

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """See `LeaseRenewer.renew`."""
        lives = (milliseconds(self._times.lease_s), milliseconds(self._times.resume_ttl_s))
        pipeline = self._redis.pipeline(transaction=False)
        for lease in leases:
            args = (lease.owner, lease.fence, *lives)
            self._script(keys_of(lease.session), args, client=pipeline)
        try:
            answers = pipeline.execute(raise_on_error=False)
        except (*AWAY, errors.ResponseError) as error:
            raise translated(error) from error
        for failure in (translated(each) for each in answers if isinstance(each, Exception)):
            # A damaged session is no loss of its lease, and none of the others'.
            if not isinstance(failure, DamagedKeyError):
                raise failure
        return [lease for lease, kept in zip(leases, answers, strict=True) if not kept]

    def close(self) -> None:
        """See `LeaseRenewer.close`."""
        self._redis.close()
