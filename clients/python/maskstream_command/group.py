"""The `maskstream` command: finds its subcommands among the installed packages, when asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import click

from maskstream_command import INTERRUPTED, let_interrupts_raise
from maskstream_command.starting import prepare_process

_SHORT_HELP: Final = {
    "stream": "Send a video or camera to a server; get an annotated video and results.",
    "watch": "Print the results of a session that another client streams.",
    "run": "Upload a whole video, wait for it, download its files.",
    "videos": "List, show, cancel, delete, download the videos of a server.",
    "record": "Stream a source, and keep the session in a file.",
    "replay": "Run a recorded session again: the same bits, or what differs.",
    "results": "Make files of other tools of a recorded session.",
    "bench": "Measure a server, its model or its store; prints JSON.",
    "serve": "Run the server.",
    "worker": "Work on whole videos for servers that share a Redis.",
    "doctor": "Look whether a server can do its work here, and say what to do if not.",
    "train": "Train a model: demo on synthetic clips, the others on data sets.",
    "eval": "Measure a model on synthetic or annotated clips.",
    "export": "Write the segmenter of a model as ONNX.",
    "weights": "List, pull, check and convert weight files.",
    "score": "Score result files against annotations: AP, VPQ, STQ.",
}
_EXTRA_OF: Final = {
    "maskstream_server": "server",
    "maskstream_bench": "server",
    "maskstream_model": "model",
}


class LazyGroup(click.Group):
    """Subcommands are named by entry points and imported only when they run.

    So `--help` is quick, and a part that is not installed costs nothing until it is called.

    Args:
        entry_group: of the entry points.
        short_help_of: the well-known subcommands, in this order.
        options: see `click.Group`.
    """

    def __init__(
        self, *, entry_group: str, short_help_of: Mapping[str, str], **options: Any
    ) -> None:
        super().__init__(**options)
        self._entry_group, self._short_help_of = entry_group, short_help_of

    def invoke(self, context: click.Context) -> Any:
        """Prepare the process, then import and run a subcommand."""
        prepare_process(os.environ)
        try:
            return super().invoke(context)
        except click.UsageError:
            raise  # of what was typed, which click itself quotes
        except click.ClickException as error:
            raise _printable(error) from error
        except KeyboardInterrupt:
            click.echo("\nInterrupted.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None

    def list_commands(self, context: click.Context) -> list[str]:
        """The installed names, the well-known ones first."""
        names = self._entries()
        return [name for name in self._short_help_of if name in names] + sorted(
            set(names) - set(self._short_help_of)
        )

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one subcommand."""
        entry = self._entries().get(name)
        return None if entry is None else _load(entry, f"{context.command_path} {name}")

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        names = self.list_commands(context)
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help_of.get(name, "")) for name in names])

    def _entries(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self._entry_group)}


def _load(entry: EntryPoint, typed: str) -> click.Command:
    """The command of an entry point; a missing dependency is named with its extra."""
    try:
        command = entry.load()
    except ModuleNotFoundError as error:
        raise _missing(entry, typed, error) from error
    if not isinstance(command, click.Command):
        raise click.ClickException(f"{entry.value} is no command.")
    return _guarded(command, entry, typed)


def _guarded(command: click.Command, entry: EntryPoint, typed: str) -> click.Command:
    """The same command, with an error that names a dependency missing when it runs."""
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _guarded(subcommand, entry, typed)
    body = command.callback

    def run(*args: object, **options: object) -> object:
        let_interrupts_raise()
        try:
            return body(*args, **options) if body else None
        except ModuleNotFoundError as error:
            raise _missing(entry, typed, error) from error

    command.callback = run
    return command


def _printable(error: click.ClickException) -> click.ClickException:
    """The same, of whatever package: it may quote names and messages from elsewhere."""
    from maskstream_client.terminal import printable

    shown = click.ClickException("\n".join(map(printable, error.message.split("\n"))))
    vars(shown)["exit_code"] = error.exit_code
    return shown


def _missing(entry: EntryPoint, typed: str, error: ModuleNotFoundError) -> click.ClickException:
    extra = _EXTRA_OF.get(entry.value.split(".")[0])
    if extra is None or (error.name or "").startswith("maskstream"):
        return click.ClickException(f"{entry.value} cannot be loaded: {error}.")
    return click.ClickException(
        f"`{typed}` needs {error.name}, which is not installed. "
        f"Install it with: pip install 'maskstream[{extra}]'"
    )


@click.group(
    cls=LazyGroup,
    entry_group="maskstream.commands",
    short_help_of=_SHORT_HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="maskstream")
def main() -> None:
    """Segment live video: frames in over a WebSocket, masks with lasting identities out.

    Start a server with `maskstream serve`, then send it a video with
    `maskstream stream street.mp4 --out annotated.mp4`.
    """
