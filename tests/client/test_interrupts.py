"""Ctrl-C that asks for an end, and Ctrl-C that insists on it."""

import signal

import pytest

from maskstream_client.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_for_an_end_and_only_the_second_interrupts(capfd, number):
    asked = []
    with Interrupts(lambda: asked.append("end")) as interrupts:
        assert interrupts.signal == 0
        signal.raise_signal(number)
        assert interrupts.signal == number
        assert "Ctrl-C again cuts it short." in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert asked == ["end"]


def test_afterwards_ctrl_c_is_what_it_was():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(lambda: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
