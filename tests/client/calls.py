"""Calls of the client's commands in this process, and the sentences that they end with."""

from click import Command
from click.testing import CliRunner, Result


def run(command: Command, *arguments: object) -> Result:
    """Run a command; arguments become text."""
    return CliRunner().invoke(command, [str(each) for each in arguments])


def sentence_of(done: Result) -> str:
    """Return the one line with which a command failed, without a traceback."""
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    (line,) = [each for each in done.output.splitlines() if each.startswith("Error: ")]
    return line
