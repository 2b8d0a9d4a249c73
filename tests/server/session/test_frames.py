import pytest

from maskstream_server.session.actions import ConfirmToken, Decode, StepModel
from maskstream_server.session.memory import Beginning, SessionMemory
from support.conversation import TIMES, Conversation, found, frame


def kinds(talk: Conversation) -> list[str]:
    return [type(action).__name__ for action in talk.work]


def test_a_frame_is_decoded_stepped_encoded_answered_and_committed():
    talk = Conversation.begin()
    talk.binary(frame(1, pts_us=77))
    assert kinds(talk) == ["Decode"]
    talk.step()
    assert kinds(talk) == ["StepModel"]
    talk.step(found(1, "s1"))
    assert kinds(talk) == ["Encode"]
    talk.step()
    assert talk.said == [("result", 1)]
    (save,) = talk.saves
    assert (save.epoch, save.sequence, save.parts["model/state"]) == (1, 1, b"<s1>")
    assert save.results[0][0] == 1
    assert talk.results[0].pts_us == 77


def test_results_leave_before_they_are_durable_and_credit_says_when_they_are():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run(commit=False)
    assert talk.said == [("result", 1)]
    talk.commit()
    credit = {"type": "credit", "frames": 1, "bytes": len(frame(1)), "durable_sequence": 1}
    assert talk.said[1:] == [credit]


def test_only_one_frame_of_a_session_is_in_the_model_while_the_next_is_decoded():
    talk = Conversation.begin()
    talk.frames(1, 4)
    assert kinds(talk) == ["Decode", "Decode"]
    talk.step()
    talk.step()
    assert kinds(talk) == ["StepModel", "Decode"]


def test_each_step_starts_from_the_state_of_the_one_before():
    talk = Conversation.begin()
    talk.frames(1, 2)
    talk.step()
    first = next(action for action in talk.work if isinstance(action, StepModel))
    assert first.step.state is None
    talk.work.remove(first)
    talk.take(talk.session.stepped(1, found(1, "s1", frozenset({5})), TIMES, 100.1))
    talk.step()
    second = next(action for action in talk.work if isinstance(action, StepModel))
    assert (second.step.state, second.mentioned) == ("s1", frozenset({5}))


def test_a_result_waits_for_the_one_before_it():
    talk = Conversation.begin()
    talk.frames(1, 2)
    while not [action for action in talk.work if type(action).__name__ == "Encode"]:
        talk.step()
    encode_1 = talk.work.pop([type(a).__name__ for a in talk.work].index("Encode"))
    talk.run(commit=False)
    assert talk.said == []
    talk.work.append(encode_1)
    talk.run(commit=False)
    assert talk.said == [("result", 1), ("result", 2)]


def test_only_the_first_result_of_an_epoch_is_marked_as_such():
    talk = Conversation.begin()
    talk.frames(1, 2)
    talk.run()
    talk.text(type="reset")
    talk.frames(3, 4, epoch=2)
    talk.run()
    assert [result.first_of_epoch for result in talk.results] == [True, False, True, False]


def test_the_last_frame_flag_comes_back_in_its_result():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.binary(frame(2, last=True))
    talk.run()
    assert [result.last for result in talk.results] == [False, True]


def test_a_dropped_frame_is_reported_in_its_place_and_counted_in_the_next_result():
    talk = Conversation.begin()
    talk.frames(1, 2)
    talk.binary(frame(3, codec=4))
    talk.binary(frame(4))
    talk.run()
    assert talk.story == [
        ("result", 1),
        ("result", 2),
        "codec_unsupported",
        "drop",
        ("result", 4),
    ]
    assert [result.dropped for result in talk.results] == [0, 0, 1]


def test_a_drop_at_the_end_is_committed_so_that_the_sequence_is_not_asked_for_again():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    talk.binary(frame(2, codec=4))
    (save,) = talk.saves
    assert (save.sequence, save.results) == (2, ())


def test_times_of_each_part_travel_with_the_result():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    times = talk.results[0].timings
    assert (times.decode_us, times.infer_us, times.encode_us) == (2_000, 50_000, 1_000)
    assert times.wait_us == 47_000


def test_latest_keeps_one_waiting_frame_and_drops_the_others_at_once():
    talk = Conversation.begin(policy="latest")
    talk.binary(frame(1))
    talk.step()
    talk.frames(2, 4)
    drops = [(drop["first"], drop["last"], drop["reason"]) for drop in talk.of("drop")]
    assert drops == [(2, 2, "superseded"), (3, 3, "superseded")]
    talk.run()
    assert [(result.sequence, result.dropped) for result in talk.results] == [(1, 0), (4, 2)]


def test_latest_decodes_nothing_that_may_yet_be_superseded():
    talk = Conversation.begin(policy="latest")
    talk.binary(frame(1))
    talk.step()
    talk.frames(2, 3)
    assert [type(action) for action in talk.work] == [StepModel]


def test_latest_continues_with_the_waiting_frame_where_the_one_before_does_not_decode():
    from maskstream_protocol.errors import FrameUndecodableError

    talk = Conversation.begin(policy="latest")
    talk.frames(1, 2)
    assert isinstance(talk.work.pop(), Decode)
    talk.take(talk.session.failed(1, FrameUndecodableError("broken")))
    talk.run()
    assert talk.story == ["frame_undecodable", "drop", ("result", 2)]


def test_reset_is_answered_after_the_frames_before_it():
    talk = Conversation.begin()
    talk.frames(1, 3)
    talk.text(type="reset")
    assert talk.said == []
    talk.run()
    assert talk.story == [("result", 1), ("result", 2), ("result", 3), "reset"]
    assert talk.of("reset") == [
        {"type": "reset", "epoch": 2, "reason": "client", "next_sequence": 4}
    ]
    assert [result.epoch for result in talk.results] == [1, 1, 1]


def test_a_reset_is_reported_when_it_is_durable_or_cannot_be_for_now():
    talk = Conversation.begin()
    talk.text(type="reset")
    assert talk.said == []
    talk.commit()
    assert talk.story == ["reset"]
    talk.take(talk.session.store_away())
    talk.text(type="flush", id=1)
    talk.text(type="reset")
    talk.text(type="flush", id=2)
    assert talk.story == ["reset", "store_away", "flushed", "reset"]
    assert [reset["epoch"] for reset in talk.of("reset")] == [2, 3]
    talk.commit()
    assert [each["id"] for each in talk.of("flushed")] == [1, 2]


def test_a_reset_that_waits_for_its_commit_is_reported_when_the_store_goes_away():
    talk = Conversation.begin()
    talk.text(type="reset")
    talk.take(talk.session.store_away())
    assert talk.story == ["store_away", "reset"]


def test_after_reset_the_model_starts_from_nothing():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    talk.text(type="reset")
    talk.binary(frame(2, epoch=2))
    talk.step()
    (step,) = talk.work
    assert (step.step.state, step.mentioned) == (None, frozenset())


def test_reset_is_committed_so_that_it_survives_the_connection():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    talk.text(type="reset")
    (save,) = talk.saves
    assert (save.epoch, save.sequence, "model/state" in save.parts) == (2, 1, False)


def test_a_frame_sent_before_the_reset_was_reported_is_stale():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.text(type="reset")
    talk.binary(frame(2))
    talk.run()
    assert talk.story == ["stale_epoch", ("result", 1), "reset"]
    talk.binary(frame(2, epoch=2))
    talk.run()
    assert talk.results[-1].sequence == 2


def test_a_resumed_session_continues_with_sequence_state_and_mentions():
    memory = SessionMemory(3, 9, 8, True, frozenset({4}), {"state": b"blob"})
    talk = Conversation.begin(Beginning(memory, "loaded", 9))
    talk.binary(frame(10, epoch=3))
    talk.step()
    (step,) = talk.work
    assert (step.sequence, step.step.state, step.mentioned) == (10, "loaded", frozenset({4}))
    talk.run()
    assert (talk.results[0].dropped, talk.results[0].first_of_epoch) == (1, False)


@pytest.mark.parametrize("sign_of_life", ["frame", "ack"])
def test_the_previous_token_dies_once_with_the_first_frame_or_ack(sign_of_life):
    talk = Conversation.begin()
    talk.text(type="ping", id=1)
    assert talk.other == []
    for sequence in (1, 2):
        if sign_of_life == "frame":
            talk.binary(frame(sequence))
        else:
            talk.text(type="ack", sequence=0)
    assert talk.other == [ConfirmToken()]


def test_an_ack_lets_results_be_forgotten_and_the_credit_window_bounds_the_rest():
    talk = Conversation.begin()
    for sequence in range(1, 11):
        talk.binary(frame(sequence))
        talk.run(commit=False)
        keep_after = talk.saves[-1].keep_after
        talk.commit()
    assert keep_after == 2
    talk.text(type="ack", sequence=7)
    talk.binary(frame(11))
    talk.run(commit=False)
    assert talk.saves[-1].keep_after == 7


def test_frames_that_were_superseded_push_no_result_out_of_what_is_kept():
    talk = Conversation.begin(policy="latest")
    talk.binary(frame(1))
    talk.step()
    talk.frames(2, 30)
    talk.run(commit=False)
    assert [(save.sequence, save.keep_after) for save in talk.saves] == [(29, 0), (30, 0)]


def test_an_ack_beyond_what_was_sent_counts_only_up_to_that():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    talk.text(type="ack", sequence=2**40)
    talk.binary(frame(2))
    talk.run(commit=False)
    assert talk.saves[-1].keep_after == 1
