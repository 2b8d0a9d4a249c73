"""The client's side of the additions (docs/protocol.md 10): prompts, late models, classes."""

from collections import deque
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from client.server_side import MODEL, result, welcome
from client.talk import PICTURE, SIZE, Conversation, indices
from maskstream_client import events
from maskstream_client.stream_options import StreamOptions
from maskstream_protocol import notices
from maskstream_protocol.errors import BadMessageError
from maskstream_protocol.messages import Flush, Prompts

DOG, CAT = Prompts(("a dog",)), Prompts(("a cat",))


def prompted(*texts, from_sequence=1):
    infos = tuple(notices.PromptInfo(text, number, ()) for number, text in enumerate(texts))
    return notices.Prompted(from_sequence, infos)


def with_prompts(*texts, **terms):
    return replace(welcome(**terms), prompts=prompted(*texts).prompts)


def late(lookahead, **terms):
    return replace(welcome(**terms), model=replace(MODEL, lookahead=lookahead))


def conversation(greeting, **options):
    talk = Conversation(**options)
    talk.connect(greeting)
    return talk


def test_classes_prompts_and_provisional_results_are_asked_for():
    talk = Conversation(classes=["person"], prompts=[" a dog "], provisional=True)
    hello, _ = talk.connect(with_prompts("a dog"))
    assert (hello["classes"], hello["prompts"], hello["provisional"]) == (
        ["person"],
        ["a dog"],
        True,
    )


@pytest.mark.parametrize(
    "wrong", [{"classes": "person"}, {"prompts": "a dog"}, {"prompts": []}, {"prompts": [" "]}]
)
def test_options_that_no_server_takes_are_refused_at_once(wrong):
    with pytest.raises(ValueError, match=r"lists of texts|Prompts are"):
        StreamOptions(**wrong)


def test_a_change_of_prompts_follows_the_frames_so_far():
    talk = conversation(with_prompts("a dog", frames=1))
    talk.push(2)
    talk.session.request(CAT)
    assert talk.take() == [(1, 1)]
    talk.receive(notices.Credit(1, SIZE, 0))
    assert talk.take() == [(2, 1), "prompts"]
    assert not talk.session.has_room(PICTURE)
    assert talk.receive(prompted("a cat", from_sequence=3)) == [
        events.PromptsChanged(3, prompted("a cat").prompts)
    ]
    assert not talk.session.awaits(Prompts)


def changed(frames_before=1, frames_after=1):
    """A conversation in which dogs became cats after some frames; nothing is durable."""
    talk = conversation(with_prompts("a dog"))
    talk.push(frames_before)
    talk.session.request(CAT)
    talk.take()
    talk.receive(prompted("a cat", from_sequence=frames_before + 1))
    talk.push(frames_after)
    talk.take()
    return talk


def test_a_change_of_prompts_is_sent_again_in_front_of_its_first_frame():
    talk = changed(frames_before=2, frames_after=2)
    assert talk.sent == [(1, 1), (2, 1), "prompts", (3, 1), (4, 1)]
    talk.session.connection_lost()
    hello, _ = talk.connect(with_prompts("a dog", resumed=True, next_sequence=2))
    assert hello["prompts"] is None
    assert talk.take() == ["flush"]
    talk.receive(notices.Flushed("resumed", 1))
    assert talk.take() == [(2, 1), "prompts", (3, 1), (4, 1)]


def test_a_change_of_prompts_that_is_durable_is_not_sent_again():
    talk = changed()
    talk.receive(result(1))
    talk.receive(result(2, durable=True))
    talk.push()
    talk.session.connection_lost()
    hello, _ = talk.connect(with_prompts("a cat", resumed=True, next_sequence=3))
    assert hello["prompts"] == ["a cat"]
    assert talk.take() == [(3, 1)]


def test_a_change_of_prompts_with_no_frame_after_it_is_sent_in_front_of_the_next():
    talk = changed(frames_before=1, frames_after=0)
    talk.session.connection_lost()
    hello, _ = talk.connect(with_prompts("a dog", resumed=True, next_sequence=1))
    assert hello["prompts"] is None
    talk.push()
    assert talk.take() == [(1, 1), "prompts", (2, 1)]


def test_an_unanswered_change_of_prompts_is_asked_for_again():
    talk = conversation(with_prompts("a dog"))
    talk.push()
    talk.session.request(CAT)
    talk.take()
    talk.session.connection_lost()
    hello, _ = talk.connect(with_prompts("a cat", resumed=True, next_sequence=1))
    assert hello["prompts"] is None
    assert talk.take() == [(1, 1), "prompts"]


def test_a_new_session_gets_the_prompts_of_the_old_one():
    talk = changed(frames_before=0, frames_after=3)
    talk.receive(result(1))
    talk.session.connection_lost()
    talk.connect(with_prompts(resumed=False))
    talk.receive(notices.ResetNotice(1, "expired", 1))
    assert talk.take() == ["prompts", "prompts", (1, 1), (2, 1)]
    assert [message for message in talk.texts if message["type"] == "prompts"][-2:] == [
        {"type": "prompts", "prompts": ["a dog"]},
        {"type": "prompts", "prompts": ["a cat"]},
    ]


def test_prompts_that_the_server_refuses_are_given_up():
    talk = conversation(with_prompts("a dog"))
    talk.session.request(CAT)
    talk.take()
    error = BadMessageError("prompts.prompts is wrong.")
    (refused,) = talk.receive(notices.ErrorMessage.of(error))
    assert isinstance(refused, events.PromptsRefused)
    assert str(refused.error) == str(error)
    assert not talk.session.awaits(Prompts)
    assert talk.session.has_room(PICTURE)


def test_a_late_model_gets_so_many_more_frames_ahead():
    talk = conversation(late(3), max_in_flight=2)
    for _ in range(5):
        assert talk.session.has_room(PICTURE)
        talk.push()
        talk.take()
    assert not talk.session.has_room(PICTURE)
    assert talk.session.expects_answer
    assert indices(talk.receive(result(1))) == [0]
    assert talk.session.has_room(PICTURE)


@pytest.mark.parametrize("how", ["flush", "last"])
def test_the_end_of_a_late_stream_is_answered_once_it_is_asked_for(how):
    talk = conversation(late(2))
    talk.push(2)
    assert not talk.session.expects_answer
    if how == "flush":
        talk.session.request(Flush(1))
    else:
        talk.session.push(PICTURE, last=True)
    assert talk.session.expects_answer


def test_frames_that_a_late_model_has_seen_but_not_answered_are_sent_again():
    talk = conversation(late(2))
    talk.push(5)
    talk.take()
    for sequence in (1, 2, 3):
        talk.receive(result(sequence))
    talk.receive(notices.Credit(3, 3 * SIZE, durable_sequence=3))
    talk.session.connection_lost()
    talk.connect(late(2, resumed=True, next_sequence=4))
    assert talk.take() == [(4, 1), (5, 1)]
    assert [indices(talk.receive(result(each))) for each in (4, 5)] == [[3], [4]]


def test_what_a_late_server_may_ask_for_is_kept_whatever_its_size():
    talk = conversation(late(2, frames=4), max_kept_bytes=1)
    for sequence in range(1, 8):
        talk.push()
        talk.take()
        talk.receive(result(sequence))
        talk.receive(notices.Credit(1, SIZE, 0))
    talk.session.connection_lost()
    talk.connect(late(2, frames=6, resumed=True, next_sequence=2))
    assert talk.take() == [(each, 1) for each in range(2, 8)]


def test_a_provisional_result_answers_nothing():
    talk = conversation(late(1), provisional=True)
    talk.push(2)
    talk.take()
    preliminary = replace(result(2), provisional=True)
    assert talk.receive(preliminary) == [events.Provisional(1, arrived(preliminary))]
    assert talk.session.num_in_flight == 2
    assert indices(talk.receive(result(1)) + talk.receive(result(2))) == [0, 1]
    assert talk.receive(preliminary) == []


def arrived(message):
    return replace(message, blob=memoryview(message.blob))


@example(lookahead=1, cuts={1: 0, 2: 0}, num_frames=4)
@given(
    lookahead=st.integers(0, 3),
    cuts=st.dictionaries(st.integers(1, 30), st.integers(0, 5), max_size=4),
    num_frames=st.integers(1, 12),
)
@settings(deadline=None, max_examples=60)
def test_a_late_stream_with_cuts_gives_each_frame_once_and_in_order(lookahead, cuts, num_frames):
    """`cuts`: after how many messages the line is cut, and how far the memory trails then."""
    talk = conversation(late(lookahead, frames=lookahead + 2))
    server = LateServer(lookahead)
    got, wire, num_pushed, num_heard = [], deque(), 0, 0
    while len(got) < num_frames:
        while num_pushed < num_frames and talk.session.has_room(PICTURE):
            talk.push()
            num_pushed += 1
            wire += server.take(talk.take())
        if num_pushed == num_frames and not talk.session.expects_answer:
            talk.session.request(Flush(1))
        wire += server.take(talk.take())
        if not wire:  # what was sent again is seen, and waits for the frames behind it
            assert num_pushed < num_frames
            assert talk.session.has_room(PICTURE)
            continue
        got += indices(talk.receive(wire.popleft()))
        num_heard += 1
        if (trail := cuts.get(num_heard)) is not None:
            wire.clear()
            talk.session.connection_lost()
            hello, _ = talk.connect(server.resume(trail))
            wire += map(result, range(hello["resume"]["last_sequence"] + 1, server.answered + 1))
    assert got == list(range(num_frames))


class LateServer:
    """Answers a frame once it has seen `lookahead` more, or at a flush; keeps every result."""

    def __init__(self, lookahead):
        self.lookahead, self.seen, self.answered, self.committed = lookahead, 0, 0, 0

    def take(self, sent):
        came = []
        for message in sent:
            if message == "ack":
                continue
            if message == "flush":
                came += self._answer(self.seen)
                # Whichever of both was sent: the stream's own, or that of a resume.
                came += [notices.Flushed(each, self.answered) for each in ("resumed", 1)]
            else:
                assert message[0] == self.seen + 1
                self.seen += 1
                came += self._answer(self.seen - self.lookahead)
        return came

    def _answer(self, until):
        came = []
        while self.answered < until:
            self.answered += 1
            came += [result(self.answered), notices.Credit(1, SIZE, 0)]
        return came

    def resume(self, trail):
        self.committed = max(self.committed, self.answered - trail)
        self.seen = self.answered = self.committed
        return late(
            self.lookahead,
            frames=self.lookahead + 2,
            resumed=True,
            next_sequence=self.answered + 1,
        )
