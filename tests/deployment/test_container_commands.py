"""What the documentation runs in a container, whose entry point is `maskstream` already."""

import re

from click import Context

from maskstream_command.group import main
from support.compose_stack import CHECKOUT

IN_A_CONTAINER = re.compile(r"docker compose run --rm (?:server|worker)\s+([\w-]+)")


def test_what_is_run_in_a_container_is_a_command_of_ours():
    image = (CHECKOUT / "docker" / "server.Dockerfile").read_text()
    assert 'ENTRYPOINT ["maskstream"]' in image
    pages = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
    names = {name for page in pages for name in IN_A_CONTAINER.findall(page.read_text())}
    assert "doctor" in names
    assert names <= set(main.list_commands(Context(main)))
