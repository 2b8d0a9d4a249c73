"""Commands on the pages: what is printed there can be typed."""

import re
import shlex
from pathlib import Path

import click
import pytest

from docs.pages import CHECKOUT, PAGES, blocks
from maskstream_command.group import main

PLACEHOLDER = re.compile(r"\[--?[^\]]*\]|\[[\w.]+\]|\.\.\.")
"""What may be left out, and what stands for more of the same."""


def lines_of(page: Path) -> list[str]:
    """Return the lines of shell blocks, those that go on joined, without comments and variables."""
    joined = "\n".join(blocks(page, "")).replace("\\\n", " ")
    return [
        re.sub(r"^(?:[A-Z_]+=(?:\$\([^)]*\)|\S*) +)+", "", line.strip())
        for line in joined.splitlines()
    ]


def commands() -> list[tuple[str, str]]:
    """Return the page and the arguments of each command of ours."""
    found = [
        (page.name, match[1])
        for page in PAGES
        for line in lines_of(page)
        if (match := re.search(r"(?:^|--no-python |&& )maskstream (.*)$", line))
    ]
    return [(page, re.sub(r"\s+#.*$", "", rest)) for page, rest in found]


@pytest.mark.parametrize(("page", "rest"), commands(), ids=lambda text: text[:60])
def test_the_command_and_its_options_exist(page, rest):
    words = shlex.split(PLACEHOLDER.sub("", re.split(r" \| | > | {2,}", rest)[0]))
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"{page}: no command {name}"
        command, context = found, click.Context(found, parent=context)
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    asked = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert asked <= known, page


def test_commands_are_found():
    assert {"stream", "run", "serve", "train", "score"} <= {
        rest.split()[0] for _, rest in commands()
    }


def test_every_target_of_make_exists():
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text()
        typed = re.findall(r"`make ([a-z-]+)", text)
        typed += [line.split()[1] for line in lines_of(page) if line.startswith("make ")]
        assert set(typed) <= targets, page


def test_shell_scripts_that_are_named_exist():
    for page in PAGES:
        for name in re.findall(r"\b(?:scripts|docker)/[\w./-]+\.(?:sh|py)\b", page.read_text()):
            assert (CHECKOUT / name).is_file(), f"{page.name}: {name}"
