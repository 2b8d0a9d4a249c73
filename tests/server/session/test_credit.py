import pytest

from maskstream_server.session.actions import DeleteSession
from maskstream_server.session.credit import CreditLedger, CreditLimit
from support.conversation import Conversation, frame

SIZE = len(frame(1))


def paid(talk: Conversation) -> int:
    return sum(credit["frames"] for credit in talk.of("credit"))


def test_a_frame_beyond_the_credit_is_refused_once_and_then_ends_the_connection():
    talk = Conversation.begin(credit=CreditLimit(4, 10_000))
    talk.frames(1, 4)
    assert talk.said == []
    talk.binary(frame(5))
    assert (talk.error_codes, talk.closed) == (["credit_exceeded"], None)
    talk.binary(frame(5))
    assert (talk.error_codes, talk.closed) == (["credit_exceeded"] * 2, 4429)


def test_bytes_beyond_the_credit_count_as_well():
    talk = Conversation.begin(credit=CreditLimit(100, 3 * SIZE))
    talk.frames(1, 4)
    assert talk.error_codes == ["credit_exceeded"]


def test_the_refused_frame_may_be_sent_again_with_new_credit():
    talk = Conversation.begin(credit=CreditLimit(2, 10_000))
    talk.frames(1, 3)
    talk.run()
    assert paid(talk) == 2
    talk.binary(frame(3))
    talk.run()
    assert talk.results[-1].sequence == 3


def test_credit_comes_back_at_the_latest_when_half_of_it_is_out():
    talk = Conversation.begin(credit=CreditLimit(8, 10_000))
    talk.frames(1, 8)
    while not talk.results:
        talk.step()
    assert paid(talk) == 1


@pytest.mark.parametrize("limit", [CreditLimit(8, 100_000), CreditLimit(100, 8 * SIZE)])
def test_credit_of_either_kind_comes_back_with_the_first_result_once_half_of_it_is_out(limit):
    talk = Conversation.begin(credit=limit)
    talk.frames(1, 4)
    while not talk.results:
        talk.step()
    assert talk.work  # others are under way: it is not for being at rest
    assert talk.of("credit") == [
        {"type": "credit", "frames": 1, "bytes": SIZE, "durable_sequence": 0}
    ]


def test_credit_comes_back_while_the_store_is_away():
    talk = Conversation.begin(credit=CreditLimit(8, 10_000))
    talk.take(talk.session.store_away())
    for sequence in range(1, 30):
        talk.binary(frame(sequence))
        talk.run(commit=False)
    assert talk.error_codes == ["store_away"]
    assert talk.of("credit")[-1]["durable_sequence"] == 0
    assert paid(talk) == 29


def test_a_client_that_keeps_to_its_credit_is_never_starved():
    talk = Conversation.begin(credit=CreditLimit(5, 12 * SIZE), max_frame_bytes=11 * SIZE)
    left = 12 * SIZE
    for sequence, size in enumerate((1, 10, 3, 9, 11, 1, 1, 11), start=1):
        data = frame(sequence, payload=bytes(size * SIZE - 32))
        assert len(data) <= left
        talk.said.clear()
        talk.binary(data)
        talk.run()
        left += sum(credit["bytes"] for credit in talk.of("credit")) - len(data)
    assert talk.results[-1].sequence == 8


def test_dropped_frames_return_their_credit():
    talk = Conversation.begin()
    talk.frames(1, 8, codec=9)
    talk.run()
    assert paid(talk) == 8


def test_superseded_frames_return_their_credit_while_the_model_is_busy():
    talk = Conversation.begin(policy="latest")
    talk.frames(1, 8)
    assert paid(talk) >= 4


def test_flush_is_answered_when_all_before_it_is_answered_and_durable():
    talk = Conversation.begin()
    talk.frames(1, 2)
    talk.text(type="flush", id={"any": ["json"]})
    talk.run(commit=False)
    assert talk.of("flushed") == []
    talk.commit()
    assert talk.of("flushed") == [{"type": "flushed", "id": {"any": ["json"]}, "sequence": 2}]


def test_flush_of_nothing_is_answered_at_once():
    talk = Conversation.begin()
    talk.text(type="flush", id=7)
    assert talk.said == [{"type": "flushed", "id": 7, "sequence": 0}]


def test_flush_waits_for_a_dropped_frame_to_be_committed_too():
    talk = Conversation.begin()
    talk.binary(frame(1, codec=9))
    talk.text(type="flush")
    assert talk.of("flushed") == []
    talk.commit()
    assert talk.of("flushed") == [{"type": "flushed", "id": None, "sequence": 1}]


def test_flush_waits_for_a_reset_to_be_committed_too():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    talk.text(type="reset")
    talk.text(type="flush", id=1)
    assert talk.of("flushed") == []
    talk.commit()
    assert talk.of("flushed") == [{"type": "flushed", "id": 1, "sequence": 1}]


def test_flush_does_not_wait_for_what_comes_after_it():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.text(type="flush", id=1)
    talk.binary(frame(2))
    while not talk.results:
        talk.step()
    talk.commit()
    assert talk.of("flushed") == [{"type": "flushed", "id": 1, "sequence": 1}]


def test_requests_that_wait_are_bounded():
    talk = Conversation.begin()
    talk.binary(frame(1))
    for number in range(70):
        talk.text(type="flush", id=number)
    assert set(talk.error_codes) == {"bad_message"}
    talk.run()
    assert len(talk.of("flushed")) == 64


def test_bye_answers_what_is_left_forgets_the_session_and_closes():
    talk = Conversation.begin()
    talk.frames(1, 3)
    talk.text(type="flush", id=1)
    talk.text(type="bye")
    talk.binary(frame(4))
    talk.run(commit=False)
    assert talk.closed is None
    talk.commit()
    assert talk.story == [("result", 1), ("result", 2), ("result", 3), "flushed"]
    assert (talk.closed, talk.other[-1]) == (1000, DeleteSession())


def test_going_away_answers_and_commits_what_came_and_then_says_restart():
    talk = Conversation.begin()
    talk.frames(1, 2)
    talk.take(talk.session.going_away(5000, "shutdown"))
    talk.binary(frame(3))
    talk.run(commit=False)
    assert talk.closed is None
    talk.commit()
    assert talk.story == ["goaway", ("result", 1), ("result", 2)]
    assert talk.closed == 1012


def test_going_away_waits_for_a_reset_to_be_committed():
    talk = Conversation.begin()
    talk.text(type="reset")
    talk.take(talk.session.going_away(5000, "shutdown"))
    assert talk.closed is None
    talk.commit()
    assert talk.closed == 1012


def test_going_away_at_rest_closes_at_once():
    talk = Conversation.begin()
    talk.take(talk.session.going_away(5000, "shutdown"))
    assert (talk.story, talk.closed) == (["goaway"], 1012)


def test_a_store_that_is_away_is_reported_once_and_its_return_too():
    talk = Conversation.begin()
    for _ in range(3):
        talk.take(talk.session.store_away())
    talk.take(talk.session.store_back())
    talk.take(talk.session.store_back())
    assert talk.story == ["store_away", "store_back"]


def test_the_ledger_never_pays_back_more_than_was_spent():
    ledger = CreditLedger(CreditLimit(2, 100))
    assert ledger.spend(60)
    assert not ledger.spend(60)
    ledger.give_back(60)
    assert ledger.take_due() == CreditLimit(1, 60)
    assert ledger.take_due() == CreditLimit(0, 0)
    assert ledger.spend(100)
