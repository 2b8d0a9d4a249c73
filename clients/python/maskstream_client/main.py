"""The `maskstream` command: finds its subcommands among the installed packages, when asked."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import click

from maskstream_client.starting import prepare_process

_GROUP: Final = "maskstream.commands"
_SHORT_HELP: Final = {
    "stream": "Send a video or camera to a server; get an annotated video and results.",
    "watch": "Print the results of a session that another client streams.",
    "run": "Upload a whole video, wait for it, download its files.",
    "videos": "List, show, cancel, delete, download the videos of a server.",
    "bench": "Measure a server: frames per second, latency, memory.",
    "bench-video": "Measure work on a whole video: seconds and memory.",
    "bench-upload": "Measure a server that takes a large file in: speed and memory.",
    "bench-store": "Measure a shared store: latency, bytes, takeovers.",
    "bench-overhead": "Measure what all but the model costs a frame.",
    "bench-model": "Measure the steps of a model.",
    "serve": "Run the server.",
    "worker": "Work on whole videos for servers that share a Redis.",
    "doctor": "Look whether a server can do its work here, and say what to do if not.",
    "train": "Train a model: demo on synthetic clips, the others on data sets.",
    "eval": "Measure a model on synthetic or annotated clips.",
    "weights": "List, pull, check and convert weight files.",
    "score": "Score result files against annotations: AP, VPQ, STQ.",
}
_EXTRA_OF: Final = {"maskstream_server": "server", "maskstream_model": "model"}


class LazyGroup(click.Group):
    """Subcommands are named by entry points and imported only when they run.

    So `--help` is quick, and a part that is not installed costs nothing until it is called.
    """

    def invoke(self, context: click.Context) -> Any:
        """Prepare the process, then import and run a subcommand."""
        prepare_process(os.environ)
        try:
            return super().invoke(context)
        except click.UsageError:
            raise  # of what was typed, which click itself quotes
        except click.ClickException as error:
            raise _plain(error) from error

    def list_commands(self, context: click.Context) -> list[str]:
        """The installed names, the well-known ones first."""
        names = _commands()
        return [name for name in _SHORT_HELP if name in names] + sorted(
            set(names) - set(_SHORT_HELP)
        )

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one subcommand."""
        entry = _commands().get(name)
        return None if entry is None else _load(entry)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a name of two words with a space as well: `bench video`."""
        joined = "-".join(args[:2])
        typed = [joined, *args[2:]] if joined in _commands() else args
        return super().resolve_command(context, typed)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        rows = [(name, _SHORT_HELP.get(name, "")) for name in self.list_commands(context)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _commands() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=_GROUP)}


def _load(entry: EntryPoint) -> click.Command:
    """The command of an entry point; a missing dependency is named with its extra."""
    try:
        command = entry.load()
    except ModuleNotFoundError as error:
        raise _missing(entry, error) from error
    if not isinstance(command, click.Command):
        raise click.ClickException(f"{entry.value} is no command.")
    return _guarded(command, entry)


def _guarded(command: click.Command, entry: EntryPoint) -> click.Command:
    """The same command, which also names a dependency that is missed when it runs."""
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _guarded(subcommand, entry)
    body = command.callback

    def run(*args: object, **options: object) -> object:
        try:
            return body(*args, **options) if body else None
        except ModuleNotFoundError as error:
            raise _missing(entry, error) from error

    command.callback = run
    return command


def _plain(error: click.ClickException) -> click.ClickException:
    """The same, of whatever package: it may quote names and messages from elsewhere."""
    from maskstream_client.terminal import plain

    return click.ClickException("\n".join(map(plain, error.message.split("\n"))))


def _missing(entry: EntryPoint, error: ModuleNotFoundError) -> click.ClickException:
    extra = _EXTRA_OF.get(entry.value.split(".")[0])
    if extra is None or (error.name or "").startswith("maskstream"):
        return click.ClickException(f"{entry.value} cannot be loaded: {error}.")
    return click.ClickException(
        f"`maskstream {entry.name}` needs {error.name}, which is not installed. "
        f"Install it with: pip install 'maskstream[{extra}]'"
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="maskstream")
def main() -> None:
    """Segment live video: frames in over a WebSocket, masks with lasting identities out.

    Start a server with `maskstream serve`, then send it a video with
    `maskstream stream street.mp4 --out annotated.mp4`.
    """
