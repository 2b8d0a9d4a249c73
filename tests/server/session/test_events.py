"""A session with rules: its results carry events, each once, over resumes at any frame."""

import pytest

from maskstream_protocol.rules import read_rules
from maskstream_server.events.rules import EventRules
from maskstream_server.session.memory import Beginning, SessionMemory, read_memory
from maskstream_server.session.reporting import ResultOptions
from support.model_talk import FINGERPRINT, ModelTalk
from support.stand_ins import stand_in

RULES = read_rules(
    [
        {"name": "seen", "on": "emerged"},
        {"name": "gone", "on": "disappeared"},
        {"name": "long", "on": "dwelt", "min_duration_s": 0.1},
        {"name": "two", "on": "count_above", "count": 1},
        {"name": "corner", "on": "entered", "zone": [[0, 0], [0.6, 0], [0.6, 1], [0, 1]]},
        {"name": "line", "on": "crossed", "line": [[0.5, 0], [0.5, 1]]},
    ]
)
NUM_FRAMES = 14


class Walk(ModelTalk):
    """Red walks over the line and is gone in the end; green is there on every third frame."""

    def picture(self, message):
        pixels = super().picture(message)
        if 6 <= message.sequence < 9:
            pixels[:, :, 0] = 0
            pixels[1:3, 4:6, 0] = 200
        if message.sequence >= 9:
            pixels[:, :, 0] = 0
        return pixels


def begin(lookahead: int = 0) -> Walk:
    model = stand_in(lookahead=lookahead)
    memory = SessionMemory(fingerprint=FINGERPRINT, rules=RULES, fps=10)
    begun = Beginning(memory, rules=EventRules.of(RULES, model.info, fps=10))
    talk = ModelTalk.stepped_by(model, begun, wanted=ResultOptions(mask_scale=1.0))
    return walking(talk)


def walking(talk: ModelTalk) -> Walk:
    return Walk(talk.session, stepping=talk.stepping, wanted=talk.wanted, rules=talk.rules)


def events_by_frame(*talks: ModelTalk) -> dict[int, list[str]]:
    """The ids of the events of each frame; of a repeated result the first one counts."""
    found: dict[int, list[str]] = {}
    for talk in talks:
        for result in talk.results:
            found.setdefault(result.sequence, [event.id for event in result.events])
    return {sequence: ids for sequence, ids in found.items() if ids}


def send(talk: Walk, first: int, last: int) -> None:
    for sequence in range(first, last + 1):
        talk.frames(sequence, sequence)
        talk.run()


def undisturbed(lookahead: int = 0) -> dict[int, list[str]]:
    talk = begin(lookahead)
    send(talk, 1, NUM_FRAMES)
    talk.text(type="flush", id=1)
    talk.run()
    return events_by_frame(talk)


def test_results_carry_the_events_of_their_frames():
    found = undisturbed()
    assert found[1] == ["1.seen.1", "1.corner.1"]
    assert found[2] == ["1.long.1"]
    assert found[3] == ["1.seen.2", "1.two.1", "1.corner.2"]
    assert found[6] == ["1.long.2", "1.line.1"]
    assert "1.gone.1" in found[11]


@pytest.mark.parametrize("lookahead", [0, 2])
@pytest.mark.parametrize("cut", range(1, NUM_FRAMES))
def test_a_resume_at_any_frame_changes_no_event(cut, lookahead):
    first = begin(lookahead)
    send(first, 1, cut)
    if not first.committed:
        return
    second = walking(first.resumed())
    send(second, first.committed[-1].sequence + 1, NUM_FRAMES)
    second.text(type="flush", id=1)
    second.run()
    assert events_by_frame(first, second) == undisturbed(lookahead)


def test_events_of_frames_that_were_not_committed_come_again_with_the_same_ids():
    first = begin()
    send(first, 1, 4)
    first.frames(5, 6)
    first.run(commit=False)
    second = walking(first.resumed())
    send(second, 5, 6)
    assert events_by_frame(second) == {6: ["1.long.2", "1.line.1"]}
    assert events_by_frame(first)[6] == ["1.long.2", "1.line.1"]


def test_a_reset_begins_with_a_new_memory_and_other_ids():
    talk = begin()
    send(talk, 1, 2)
    talk.text(type="reset")
    talk.run()
    talk.frames(3, 3, epoch=2)
    talk.run()
    assert "2.seen.1" in events_by_frame(talk)[3]
    save = talk.committed[-1]
    assert read_memory(save.epoch, save.sequence, save.parts, FINGERPRINT).rules == RULES


def test_a_frame_that_fails_leaves_the_rules_as_they_were():
    talk = begin()
    send(talk, 1, 1)
    talk.frames(2, 2, codec=9)
    talk.run()
    send(talk, 3, 3)
    assert talk.error_codes == ["codec_unsupported"]
    assert "1.long.1" in events_by_frame(talk)[3]


def test_a_session_without_rules_stores_what_it_always_did():
    assert set(SessionMemory().to_parts()) == {"session"}
    assert set(SessionMemory(rules=RULES).to_parts()) == {"session", "rules", "events"}
