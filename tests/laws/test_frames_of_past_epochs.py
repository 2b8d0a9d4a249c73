"""Frames that were in flight at a reset are no faults of their client, however many resets."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from maskstream_protocol import messages
from support.conversation import Conversation, frame
from support.examples import examples

CREDIT = 8
MOVES = st.lists(
    st.sampled_from(["send", "send", "send", "reset", "arrive", "arrive", "hear", "work"]),
    min_size=60,
    max_size=160,
)


class Eager:
    """A client that waits for a reset only when it hears that a frame was ignored.

    It names the epoch that it heard of last; frames that were ignored cost it no credit.
    """

    def __init__(self) -> None:
        self.talk = Conversation.begin()
        self.to_server: deque[bytes | str] = deque()
        self.num_heard = 0
        self.epoch = self.sequence = 1
        self.credit = CREDIT
        self.num_resets = 0
        self.waits = False

    def move(self, word: str) -> None:
        match word:
            case "send" if self.credit > 0 and not self.waits:
                self.to_server.append(frame(self.sequence, self.epoch))
                self.sequence += 1
                self.credit -= 1
            case "reset":
                self.to_server.append(messages.Reset().to_json())
                self.num_resets += 1
            case "arrive" if self.to_server:
                message = self.to_server.popleft()
                is_frame = isinstance(message, bytes)
                self.talk.binary(message) if is_frame else self.talk.raw_text(message)
            case "work":
                self.talk.run()
            case "hear" if self.num_heard < len(self.talk.said):
                self.hear(self.talk.said[self.num_heard])
                self.num_heard += 1

    def hear(self, message: dict | tuple[str, int]) -> None:
        match message:
            case {"type": "reset", "epoch": epoch, "next_sequence": sequence}:
                self.epoch, self.sequence = epoch, sequence
                self.num_resets -= 1
                self.waits = False
            case {"type": "credit", "frames": frames}:
                self.credit += frames
            case {"type": "error", "code": "stale_epoch"}:
                self.credit += 1
                self.waits = self.num_resets > 0


@examples(200)
@given(MOVES)
def test_a_client_that_continues_until_a_frame_is_ignored_is_never_closed(moves):
    client = Eager()
    for word in moves:
        client.move(word)
        assert client.talk.closed is None, client.talk.error_codes
    assert set(client.talk.error_codes) <= {"stale_epoch"}


def test_each_of_many_resets_may_find_all_the_credit_in_flight():
    talk = Conversation.begin()
    for _ in range(5):
        talk.text(type="reset")
    for epoch in range(1, 6):
        for sequence in range(1, 1 + CREDIT):
            talk.binary(frame(sequence, epoch))
    assert (talk.error_codes, talk.closed) == (5 * CREDIT * ["stale_epoch"], None)
    talk.binary(frame(1, epoch=6))
    talk.run()
    assert talk.results[-1].epoch == 6


def test_going_back_to_older_epochs_is_a_fault():
    talk = Conversation.begin()
    for _ in range(5):
        talk.text(type="reset")
    for epoch in (5, *range(1, 5), *range(1, 6)):
        assert talk.closed is None
        talk.binary(frame(1, epoch))
    assert talk.closed == 4422


def test_epochs_that_are_still_to_come_are_faults():
    talk = Conversation.begin()
    for epoch in range(2, 12):
        assert talk.closed is None
        talk.binary(frame(1, epoch))
    assert talk.closed == 4422
