"""What a pull writes into a log, where no terminal shows a bar."""

import pytest

from maskstream_model.weightfiles.progress_log import ProgressLog
from maskstream_model.weightfiles.terminal import Terminal

MB = 1_000_000


@pytest.fixture
def logged():
    """Returns the lines for (seconds, MB) that come one after the other."""

    def run(steps, total=100):
        now = [0.0]
        log = ProgressLog(lambda: now[0])
        lines = []
        for now[0], done in steps:
            lines.append(log.line(int(done * MB), None if total is None else total * MB))
        return lines

    return run


def test_a_line_every_few_seconds_has_rate_and_time_left(logged):
    assert logged([(0, 0), (2, 4), (5, 10), (7, 14), (10, 20), (50, 100)]) == [
        None,
        None,
        "10 MB of 100 MB (10 %), 2.0 MB/s, 45 s left",
        None,
        "20 MB of 100 MB (20 %), 2.0 MB/s, 40 s left",
        "100 MB of 100 MB (100 %), 2.0 MB/s",
    ]


def test_what_was_there_before_came_at_no_rate(logged):
    steps = [(0, 60), (6, 72)]
    assert logged(steps)[-1] == "72 MB of 100 MB (72 %), 2.0 MB/s, 14 s left"


def test_a_download_that_starts_again_is_measured_again(logged):
    steps = [(0, 60), (6, 72), (7, 0), (12, 5)]
    assert logged(steps)[-2:] == [None, "5 MB of 100 MB (5 %), 1.0 MB/s, 1 min 35 s left"]


def test_hours_are_hours(logged):
    assert logged([(0, 0), (10, 1)], 1000)[-1].endswith(", 0.1 MB/s, 2 h 46 min left")


def test_a_size_that_nobody_knows_has_a_rate_all_the_same(logged):
    assert logged([(0, 0), (5, 10)], None) == [None, "10 MB, 2.0 MB/s"]


def test_without_progress_there_is_no_rate(logged):
    assert logged([(0, 30), (9, 30)]) == [None, "30 MB of 100 MB (30 %)"]


def test_lines_go_to_stderr_where_it_is_no_terminal(capsys):
    times = iter([0.0, 6.0, 7.0])
    with Terminal(agrees=True, clock=lambda: next(times)) as terminal:
        for done in (0, 30, 31):
            terminal.progress(done * MB, 90 * MB)
    assert capsys.readouterr() == ("", "30 MB of 90 MB (33 %), 5.0 MB/s, 12 s left\n")
