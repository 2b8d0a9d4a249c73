"""Whether the user of the store may do what this process does, before anything else is begun."""

import os

import structlog

from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError, StoreForbiddenError, StoreUnreachableError


def check_store_rights(settings: Settings, *, sessions: bool) -> None:
    """Check the rights in a Redis; one that is away now is logged, and waited for later.

    Args:
        settings: what the operator decided.
        sessions: whether this process keeps sessions there, as servers do.

    Raises:
        StartError: something that is needed may not be done.
    """
    if settings.store == "memory":
        return
    # Neither redis nor pydocket is imported where there is no Redis.
    from maskstream_server.jobs.queue import NAME
    from maskstream_server.stores.redis.rights import read_rights

    queue = None if settings.keeps_no_videos else NAME
    trial = f"trial-{os.urandom(6).hex()}"
    try:
        rights = read_rights(settings.store, trial, sessions=sessions, queue=queue)
    except StoreForbiddenError as error:
        reason = f"does not let its user in ({error}): look at name, password and ACL"
        raise StartError(f"The Redis of MASKSTREAM_STORE {reason}.") from None
    except StoreUnreachableError as error:
        structlog.get_logger(__name__).warning("store_away", reason=str(error))
        return
    except ValueError:  # no address: told where the store is made
        return
    if rights.missing:
        raise StartError(
            f"The user of MASKSTREAM_STORE may not do all that is needed in its Redis "
            f"({', '.join(rights.missing)}): docs/deployment.md lists its rights."
        )
    if rights.left_out:
        structlog.get_logger(__name__).warning("store_rights_missing", left_out=rights.left_out)
