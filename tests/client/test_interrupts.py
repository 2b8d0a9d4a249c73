"""Ctrl-C that asks for an end, and Ctrl-C that insists on it."""

import signal

import pytest

from maskstream_client.interrupts import Interrupts


def test_the_first_ctrl_c_asks_for_an_end_and_only_the_second_interrupts(capfd):
    asked = []
    with Interrupts(lambda: asked.append("end")) as interrupts:
        assert not interrupts.heard
        signal.raise_signal(signal.SIGINT)
        assert interrupts.heard
        assert "Ctrl-C again cuts it short." in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert asked == ["end"]


def test_afterwards_ctrl_c_is_what_it_was():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(lambda: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
