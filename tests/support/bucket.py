"""A real S3 over HTTP in this process (moto), with an empty bucket, behind a way that can break."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from support.cutting_proxy import CuttingProxy, cutting_proxy

NAME = "videos-of-tests"
ADDRESS = f"s3://{NAME}/here"
KEYS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class RealBucket:
    """The bucket as its owner sees it; `proxy` is the way that others take."""

    proxy: CuttingProxy
    client: Any

    def names(self) -> list[str]:
        """What is in it, but for whose it is and what time it is there."""
        return [name for name in self.all_names() if not name.endswith(("/.store", "/.clock"))]

    def all_names(self) -> list[str]:
        """What is in it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=NAME)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def text(self, name: str) -> bytes:
        return self.client.get_object(Bucket=NAME, Key=name)["Body"].read()

    def write(self, name: str, text: bytes) -> None:
        self.client.put_object(Bucket=NAME, Key=name, Body=text)

    def remove(self, *names: str) -> None:
        for name in names:
            self.client.delete_object(Bucket=NAME, Key=name)


@pytest.fixture(scope="module")
def shared_s3() -> Iterator[str]:
    """The address of an S3."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def real_bucket(shared_s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealBucket]:
    """An empty bucket, to which the environment leads."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=shared_s3)
    with cutting_proxy(shared_s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        client.create_bucket(Bucket=NAME)
        bucket = RealBucket(proxy, client)
        yield bucket
        bucket.remove(*bucket.all_names())
        client.delete_bucket(Bucket=NAME)
    client.close()
