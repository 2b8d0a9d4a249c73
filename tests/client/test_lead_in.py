"""What a client keeps for a decoder elsewhere, and sends before the first frame of a connection."""

import numpy as np

from maskstream_client.ledger import Ledger
from maskstream_client.outbox import Outbox
from maskstream_client.pictures import Picture
from maskstream_protocol.frames import FrameCodec, FrameMessage, decode_frame
from maskstream_protocol.messages import Hello
from maskstream_protocol.notices import FrameCredit

CREDIT = FrameCredit(100, 1 << 20)
SMALL = np.zeros((4, 6, 3), np.uint8)


def unit(key: bool = False, codec: FrameCodec = FrameCodec.VP9, size: int = 10) -> FrameMessage:
    return Picture(codec, bytes(size), 4, 6, key).to_frame()


def connected(ledger: Ledger) -> Outbox:
    outbox = Outbox(ledger)
    outbox.begin(Hello())
    outbox.accepted(CREDIT)
    return outbox


def sent(outbox: Outbox) -> list[tuple[int, bool]]:
    frames = [decode_frame(each) for each in outbox.take(3) if isinstance(each, bytes)]
    assert {frame.epoch for frame in frames} <= {3}
    return [(frame.sequence, frame.decoder_only) for frame in frames]


def streamed(*keys: bool, durable: int, max_bytes: int = 1 << 20) -> Ledger:
    """A ledger of units that were all sent, and durable up to one of them."""
    ledger = Ledger(max_bytes)
    for key in keys:
        ledger.add(unit(key))
    sent(connected(ledger))
    for sequence in range(1, durable + 1):
        ledger.answer(sequence)
    ledger.mark_durable(durable)
    return ledger


def test_units_back_to_the_last_key_frame_are_sent_again_for_the_decoder_only():
    ledger = streamed(True, False, True, False, False, False, durable=5)
    assert ledger.resume_at(6)
    assert sent(connected(ledger)) == [(3, True), (4, True), (5, True), (6, False)]


def test_they_take_no_credit():
    ledger = streamed(True, False, False, False, durable=3)
    ledger.resume_at(4)
    outbox = Outbox(ledger)
    outbox.begin(Hello())
    outbox.accepted(FrameCredit(1, unit().num_bytes))
    assert len(sent(outbox)) == 4


def test_they_are_sent_once_and_again_on_the_next_connection():
    ledger = streamed(True, False, False, durable=2)
    ledger.resume_at(3)
    outbox = connected(ledger)
    assert sent(outbox) == [(1, True), (2, True), (3, False)]
    ledger.add(unit())
    assert sent(outbox) == [(4, False)]
    ledger.resume_at(3)
    assert sent(connected(ledger)) == [(1, True), (2, True), (3, False), (4, False)]


def test_what_a_welcome_first_shows_to_be_durable_is_among_them():
    ledger = streamed(True, False, False, False, durable=1)
    ledger.resume_at(4)
    assert sent(connected(ledger)) == [(1, True), (2, True), (3, True), (4, False)]


def test_a_key_frame_needs_none():
    ledger = streamed(True, False, True, durable=2)
    ledger.resume_at(3)
    assert sent(connected(ledger)) == [(3, False)]


def test_a_unit_that_is_pushed_later_needs_them_too():
    ledger = streamed(True, False, durable=2)
    ledger.resume_at(3)
    outbox = connected(ledger)
    assert sent(outbox) == []
    ledger.add(unit())
    assert sent(outbox) == [(1, True), (2, True), (3, False)]


def test_without_a_resume_none_is_sent():
    ledger = streamed(True, False, durable=2)
    ledger.add(unit())
    assert sent(connected(ledger)) == [(3, False)]


def test_pictures_need_none():
    ledger = Ledger()
    for _ in range(3):
        ledger.add(Picture(FrameCodec.JPEG, b"jpeg", 4, 6).to_frame())
    ledger.mark_durable(2)
    ledger.resume_at(3)
    assert sent(connected(ledger)) == [(3, False)]


def test_behind_a_picture_or_another_codec_a_unit_builds_on_nothing():
    ledger = streamed(True, False, durable=2)
    ledger.add(Picture(FrameCodec.JPEG, b"jpeg", 4, 6).to_frame())
    ledger.add(unit())
    ledger.resume_at(4)
    assert sent(connected(ledger)) == [(4, False)]


def test_nothing_is_kept_beyond_the_bound_up_to_the_next_key_frame():
    ledger = streamed(True, False, False, False, True, False, durable=4, max_bytes=120)
    ledger.resume_at(5)
    assert sent(connected(ledger)) == [(5, False), (6, False)]
    ledger.resume_at(6)
    assert sent(connected(ledger)) == [(5, True), (6, False)]


def test_units_that_were_skipped_are_nothing_to_build_on():
    ledger = streamed(True, False, False, False, durable=2)
    ledger.skip_to(3)
    ledger.add(unit())
    ledger.lead_in.resumed()
    assert sent(connected(ledger)) == [(3, False)]


def test_a_new_session_has_no_units_before_its_first():
    ledger = streamed(True, False, False, durable=2)
    ledger.restart_at(1)
    assert sent(connected(ledger)) == [(1, False)]


def test_a_reset_in_the_middle_keeps_them():
    ledger = streamed(True, False, False, False, durable=2)
    ledger.answer(3)
    ledger.restart_at(4)
    ledger.resume_at(4)
    assert sent(connected(ledger)) == [(1, True), (2, True), (3, True), (4, False)]
