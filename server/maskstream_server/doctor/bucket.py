"""The bucket of whole videos: whether it is there and does what servers and workers ask of it."""

import time
from collections.abc import Sequence

from maskstream_server.doctor.finding import Finding
from maskstream_server.errors import StoreUnreachableError

NAME = "bucket"


def check_bucket(address: str | None) -> Sequence[Finding]:
    """Write, list and remove a small object in the bucket that the setting names, if any."""
    if address is None:
        return []
    try:
        from maskstream_server.jobs.storage.bucket import Bucket
    except ModuleNotFoundError:
        return [Finding(NAME, "failed", "s3fs is missing", "pip install 'maskstream[s3]'.")]
    began_s = time.monotonic()
    try:
        Bucket(f"{address}/videos").try_out()
    except StoreUnreachableError as error:
        advice = "Correct MASKSTREAM_BUCKET, AWS_ENDPOINT_URL or the keys (AWS_...)."
        return [Finding(NAME, "failed", str(error).rstrip("."), advice)]
    took_s = time.monotonic() - began_s
    return [Finding(NAME, "ok", f"{address}, written, listed and cleared in {took_s:.2f} s")]
