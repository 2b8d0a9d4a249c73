"""The `maskstream` command: how it finds its subcommands, and what all of them have in common."""

import subprocess
import sys

import click
import pytest

from maskstream_command import group as program
from support.broken_pipes import unread_pipe
from support.video_calls import call as run
from support.video_calls import sentence_of

PROGRAM = [sys.executable, "-c", "from maskstream_command.group import main; main()"]


def test_help_lists_the_subcommands_without_importing_torch_or_the_server():
    code = (
        "import sys; from maskstream_command.group import main\n"
        "try: main(['--help'], prog_name='maskstream')\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'fastapi', 'maskstream_server', 'maskstream_model'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("stream", "run", "videos", "bench", "serve", "train", "eval", "score"):
        assert f"\n  {name} " in done.stdout


def test_a_command_of_commands_lists_them_without_importing_them_and_has_a_default():
    listed = run(program.main, "bench", "--help").output
    for name in ("live", "upload", "video", "model", "store", "overhead"):
        assert f"\n  {name} " in listed
    assert "VIDEO" in run(program.main, "bench", "video", "--help").output
    assert "--sessions" in run(program.main, "bench", "live", "--help").output


def test_ctrl_c_ends_any_command_with_a_sentence_and_its_exit_code(monkeypatch):
    @click.command()
    def endless():
        raise KeyboardInterrupt

    class Endless:
        name, value = "endless", "somewhere:endless"

        def load(self):
            return endless

    monkeypatch.setattr(program, "entry_points", lambda group: [Endless()])
    done = run(program.main, "endless")
    assert (done.exit_code, done.stderr) == (130, "\nInterrupted.\n")


class Entry:
    """An entry point whose package lacks a dependency."""

    name, value = "serve", "maskstream_server.commands:serve"

    def load(self):
        raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")


def test_a_missing_extra_is_reported_by_its_name(monkeypatch):
    monkeypatch.setattr(program, "entry_points", lambda group: [Entry()])
    done = run(program.main, "serve")
    assert "pip install 'maskstream[server]'" in sentence_of(done)


def test_a_dependency_that_a_commands_own_subcommand_misses_is_reported(monkeypatch):
    @click.group()
    def group():
        pass

    @group.command()
    def inner():
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    class Group(Entry):
        name, value = "weights", "maskstream_model.weightfiles.command:weights"

        def load(self):
            return group

    monkeypatch.setattr(program, "entry_points", lambda group: [Group()])
    done = run(program.main, "weights", "inner")
    assert "needs torch" in sentence_of(done)
    assert "pip install 'maskstream[model]'" in sentence_of(done)


def test_no_commands_sentence_steers_the_terminal(monkeypatch):
    @click.command()
    def serve():
        raise click.ClickException("one \x1b[2J\ntwo \u202e")

    class Odd(Entry):
        def load(self):
            return serve

    monkeypatch.setattr(program, "entry_points", lambda group: [Odd()])
    assert run(program.main, "serve").output == "Error: one \\x1b[2J\ntwo \\u202e\n"


def test_a_strange_subcommand_is_reported():
    assert "No such command" in run(program.main, "dance").output


@pytest.mark.parametrize("words", [["--help"], ["weights", "list"], ["eval", "--help"]])
def test_a_command_whose_output_is_cut_off_ends_quietly(words):
    with unread_pipe() as out:
        done = subprocess.run([*PROGRAM, *words], stdout=out, stderr=subprocess.PIPE, text=True)
    assert done.stderr == ""


def test_a_list_of_which_a_reader_takes_one_line_has_not_failed():
    with subprocess.Popen([*PROGRAM, "weights", "list"], stdout=subprocess.PIPE) as listing:
        assert listing.stdout is not None
        assert listing.stdout.readline().startswith(b"preset")
        listing.stdout.close()
        assert listing.wait(60) == 0
