"""A user of a real Redis with as many rights as a test gives it."""

import re

from support.compose_stack import CHECKOUT
from support.redis_server import RedisServer

PASSWORD = "a password for testing"


def documented_rights() -> list[str]:
    """The rules that docs/deployment.md tells operators to set."""
    text = (CHECKOUT / "docs" / "deployment.md").read_text()
    found = re.search(r"^ACL SETUSER maskstream on >PASSWORD (.*)$", text, re.M)
    assert found
    return found[1].split()


def url_of_user(server: RedisServer, *rules: str) -> str:
    """Make the user anew, with these rules; returns the store's address for it."""
    with server.client() as client:
        name = f"user{len(client.acl_list())}"
        client.execute_command("ACL", "SETUSER", name, "reset", "on", f">{PASSWORD}", *rules)
    password = PASSWORD.replace(" ", "%20")
    return f"redis://{name}:{password}@127.0.0.1:{server.port}/0"
