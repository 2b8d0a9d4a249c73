"""A session whose model sees further frames before it answers (docs/protocol.md 10)."""

from dataclasses import replace

import pytest

from maskstream_protocol.errors import FrameUndecodableError, InternalError
from maskstream_server.session.actions import Decode, Encode, StepModel
from maskstream_server.session.credit import CreditLimit
from maskstream_server.session.reporting import ResultOptions
from support.conversation import frame
from support.model_talk import ModelTalk
from support.stand_ins import stand_in


def late(**changes) -> ModelTalk:
    return ModelTalk.stepped_by(stand_in(lookahead=3), **changes)


def results(talk: ModelTalk) -> list[int]:
    return [result.sequence for result in talk.results]


def test_frames_wait_for_later_ones_and_are_answered_in_order():
    talk = late()
    talk.frames(1, 3)
    talk.run()
    assert (results(talk), talk.committed, talk.session.at_rest) == ([], [], True)
    talk.frames(4, 5)
    talk.run()
    assert results(talk) == [1, 2]
    assert [save.sequence for save in talk.committed] == [1, 2]


def test_each_step_says_up_to_where_final_results_are_out():
    talk = late()
    talk.frames(1, 5)
    talk.text(type="flush", id=1)
    assert answered_before_each_step(talk) == [0, 0, 0, 0, 1, 2]
    talk.commit()
    for later in (talk, talk.resumed()):
        later.frames(6, 6)
        assert answered_before_each_step(later) == [5]


def answered_before_each_step(talk: ModelTalk) -> list[int]:
    answered = []
    while talk.work:
        if isinstance(talk.work[0], StepModel):
            answered.append(talk.work[0].answered)
        talk.step()
    return answered


def test_credit_comes_back_by_result():
    talk = late(credit=CreditLimit(5, 40_000))
    talk.frames(1, 3)
    talk.run()
    assert talk.of("credit") == []
    talk.frames(4, 5)
    talk.run()
    assert sum(credit["frames"] for credit in talk.of("credit")) == 2
    assert talk.of("credit")[-1]["durable_sequence"] == 2


def test_a_flush_lets_the_model_answer_what_is_pending_and_frames_may_follow():
    talk = late()
    talk.frames(1, 2)
    talk.text(type="flush", id=7)
    talk.frames(3, 6)
    talk.run()
    assert results(talk) == [1, 2, 3]
    assert talk.of("flushed")[0]["sequence"] == 2
    assert [len(given.frames) for given in talk.given] == [1, 1, 0, 1, 1, 1, 1]


def test_a_flush_of_frames_that_are_still_decoded_waits_for_them():
    talk = late()
    talk.binary(frame(1))
    talk.text(type="flush", id=7)
    assert [type(action) for action in talk.work] == [Decode]
    talk.run()
    assert talk.story == [("result", 1), "flushed"]


def test_the_last_frame_of_a_stream_answers_all():
    talk = late()
    talk.frames(1, 2)
    talk.binary(frame(3, last=True))
    talk.run()
    assert results(talk) == [1, 2, 3]
    assert talk.results[-1].last


def test_bye_answers_what_is_pending_before_the_end():
    talk = late()
    talk.frames(1, 2)
    talk.run()
    talk.text(type="bye")
    assert talk.closed is None
    talk.run()
    assert (results(talk), talk.closed) == ([1, 2], 1000)


def test_a_reset_answers_what_is_pending_in_its_own_epoch():
    talk = late()
    talk.frames(1, 2)
    talk.text(type="reset")
    talk.run()
    talk.frames(3, 6, epoch=2)
    talk.run()
    assert [(each.sequence, each.epoch) for each in talk.results] == [(1, 1), (2, 1), (3, 2)]
    assert talk.results[-1].first_of_epoch


def test_going_away_does_not_wait_for_frames_that_are_pending():
    talk = late()
    talk.frames(1, 5)
    talk.run()
    talk.take(talk.session.going_away(1000, "shutdown"))
    assert (results(talk), talk.closed) == ([1, 2], 1012)


def test_after_a_resume_frames_that_were_pending_come_again_and_the_results_are_the_same():
    undisturbed, first = late(), late()
    undisturbed.frames(1, 8)
    undisturbed.text(type="bye")
    undisturbed.run()
    first.frames(1, 6)
    first.run()
    again = first.resumed()
    assert first.committed[-1].sequence == 3
    again.frames(4, 8)
    again.text(type="bye")
    again.run()
    found = [(each.sequence, each.objects) for each in first.results + again.results]
    assert found == [(each.sequence, each.objects) for each in undisturbed.results]
    assert max(len(objects) for _, objects in found) == 2


def test_frames_that_do_not_decode_wait_their_turn_and_no_credit_is_lost():
    talk = late()
    talk.frames(1, 2)
    talk.run()
    talk.binary(frame(3))
    talk.work.clear()
    talk.take(talk.session.failed(3, FrameUndecodableError("broken")))
    assert talk.story == []
    talk.frames(4, 6)
    talk.run()
    assert talk.story == [("result", 1), ("result", 2), "frame_undecodable", "drop"]
    talk.text(type="bye")
    talk.run()
    assert results(talk) == [1, 2, 4, 5, 6]


def test_latest_says_how_many_frames_were_left_out():
    talk = late(policy="latest")
    talk.binary(frame(1))
    talk.step()
    talk.frames(2, 4)
    talk.run()
    assert [given.skipped for given in talk.given] == [0, 2]
    talk.text(type="bye")
    talk.run()
    assert [(result.sequence, result.dropped) for result in talk.results] == [(1, 0), (4, 2)]


def test_provisional_results_come_at_once_take_no_credit_and_are_not_kept():
    talk = late(wanted=ResultOptions(mask_scale=None, provisional=True))
    talk.frames(1, 4)
    talk.run()
    assert talk.story == [("early", 1), ("early", 2), ("early", 3), ("result", 1), ("early", 4)]
    assert [sequence for save in talk.committed for sequence, _ in save.results] == [1]
    assert sum(credit["frames"] for credit in talk.of("credit")) == 1


def test_a_provisional_result_that_comes_too_late_is_left_out():
    talk = late(wanted=ResultOptions(mask_scale=None, provisional=True))
    talk.binary(frame(1))
    talk.step()
    talk.step()
    (early,) = talk.work
    talk.work.clear()
    talk.text(type="bye")
    talk.run()
    assert results(talk) == [1]
    assert talk.closed == 1000
    assert isinstance(early, Encode)


def test_a_flush_that_fails_drops_what_was_pending_and_the_session_continues():
    talk = late()
    talk.frames(1, 2)
    talk.text(type="flush", id=1)
    while not isinstance(talk.work[0], StepModel) or talk.work[0].sequence is not None:
        talk.step()
    talk.work.clear()
    talk.take(talk.session.failed(None, InternalError("Logged.")))
    talk.commit()
    assert [(drop["first"], drop["reason"]) for drop in talk.of("drop")] == [
        (1, "internal"),
        (2, "internal"),
    ]
    assert talk.of("flushed")[0]["sequence"] == 2
    talk.frames(3, 6)
    talk.run()
    assert results(talk) == [3]


@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_a_frame_that_the_model_never_answers_is_dropped_when_its_result_is_due(lookahead):
    talk = ModelTalk.stepped_by(stand_in(lookahead=lookahead))
    step = talk.stepping.step

    def forgetful(batch):
        (output,) = step(batch)
        return [replace(output, results=[each for each in output.results if each.index != 2])]

    talk.stepping.step = forgetful
    talk.frames(1, lookahead + 3)
    talk.run()
    assert results(talk) == [1, 3]
    assert [(drop["first"], drop["reason"]) for drop in talk.of("drop")] == [(2, "internal")]
    assert talk.of("error")[0]["message"] == "The model has left this frame without a result."


@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_a_result_that_cannot_be_encoded_leaves_no_trace_in_later_ones(lookahead):
    talk = ModelTalk.stepped_by(stand_in(lookahead=lookahead))
    talk.frames(1, lookahead + 3)
    while not any(isinstance(action, Encode) for action in talk.work):
        talk.step()
    (encode,) = [action for action in talk.work if isinstance(action, Encode)]
    talk.work.remove(encode)
    talk.run()
    talk.take(talk.session.failed(1, InternalError("Logged.")))
    talk.text(type="bye")
    talk.run()
    other = ModelTalk.stepped_by(stand_in(lookahead=lookahead))
    other.binary(frame(1, codec=9))
    other.frames(2, lookahead + 3)
    other.text(type="bye")
    other.run()
    assert results(talk) == results(other) == [*range(2, lookahead + 4)]
