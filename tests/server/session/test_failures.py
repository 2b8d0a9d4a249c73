from maskstream_protocol.errors import FrameUndecodableError, InternalError
from maskstream_server.session.actions import Decode, Encode, StepModel
from support.conversation import Conversation, frame


def test_ten_undecodable_frames_in_a_row_end_the_connection():
    talk = Conversation.begin(policy="lossless")
    for sequence in range(1, 11):
        assert talk.closed is None
        talk.binary(frame(sequence))
        assert isinstance(talk.work.pop(), Decode)
        talk.take(talk.session.failed(sequence, FrameUndecodableError("broken")))
        talk.commit()
    assert talk.closed == 4422
    assert len(talk.of("drop")) == 10
    assert talk.of("error")[-1]["fatal"]


def test_a_result_ends_a_row_of_undecodable_frames():
    talk = Conversation.begin()
    for sequence in range(1, 25):
        talk.binary(frame(sequence))
        if sequence % 8 and isinstance(talk.work.pop(), Decode):
            talk.take(talk.session.failed(sequence, FrameUndecodableError("broken")))
        talk.run()
    assert talk.closed is None
    assert [result.sequence for result in talk.results] == [8, 16, 24]


def test_an_undecodable_frame_leaves_the_memory_as_it_was():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    talk.binary(frame(2))
    talk.work.clear()
    talk.take(talk.session.failed(2, FrameUndecodableError("broken")))
    assert talk.saves[-1].parts["model/state"] == b"<1>"
    talk.commit()
    talk.binary(frame(3))
    talk.step()
    (step,) = talk.work
    assert step.step.state == 1


def test_three_faults_of_ours_in_a_row_end_the_connection():
    talk = Conversation.begin()
    for sequence in (1, 2, 3):
        assert talk.closed is None
        talk.binary(frame(sequence))
        talk.step()
        assert isinstance(talk.work.pop(), StepModel)
        talk.take(talk.session.failed(sequence, InternalError("Logged.")))
        talk.commit()
    assert talk.closed == 1011
    assert {drop["reason"] for drop in talk.of("drop")} == {"internal"}


def test_another_drop_in_between_ends_a_row_of_our_faults():
    talk = Conversation.begin()
    for sequence in range(1, 8):
        talk.binary(frame(sequence, codec=9 if sequence == 3 else 0))
        if talk.work:
            talk.step()
            talk.work.clear()
            talk.take(talk.session.failed(sequence, InternalError("Logged.")))
        talk.commit()
        if talk.closed is not None:
            break
    assert (sequence, talk.closed) == (6, 1011)


def test_a_fault_of_ours_drops_one_frame_and_the_state_continues_without_it():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    talk.binary(frame(2))
    talk.step()
    talk.work.clear()
    talk.take(talk.session.failed(2, InternalError("Logged.")))
    talk.run()
    talk.binary(frame(3))
    talk.step()
    assert talk.work[0].step.state == 1


def test_a_result_that_cannot_be_encoded_leaves_no_trace_in_later_ones():
    talk = Conversation.begin()
    talk.frames(1, 3)
    while not any(isinstance(action, Encode) for action in talk.work):
        talk.step()
    (encode,) = [action for action in talk.work if isinstance(action, Encode)]
    talk.work.remove(encode)
    talk.run()
    assert talk.results == []
    assert talk.origins == {1: None, 2: 1, 3: 2}
    talk.take(talk.session.failed(1, InternalError("Logged.")))
    talk.run()
    assert talk.story == ["internal", "drop", ("result", 2), ("result", 3)]
    assert talk.origins == {1: None, 2: None, 3: 2}


def test_what_began_before_a_failed_encoding_counts_for_nothing():
    talk = Conversation.begin()
    talk.frames(1, 2)
    while [type(action) for action in talk.work] != [Encode, StepModel]:
        talk.step()
        talk.work.sort(key=lambda action: type(action) is StepModel)
    talk.work.pop(0)
    talk.take(talk.session.failed(1, InternalError("Logged.")))
    (late,) = talk.work
    assert late.step.state == 1
    talk.run()
    assert talk.story == ["internal", "drop", ("result", 2)]
    assert talk.origins[2] is None
