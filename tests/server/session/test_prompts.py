"""A session whose model segments what texts refer to (docs/protocol.md 10)."""

import pytest

from maskstream_model.errors import PromptError
from maskstream_model.port import Prompt
from maskstream_protocol.errors import BadMessageError
from maskstream_server.session.actions import CheckPrompts
from maskstream_server.session.memory import SessionMemory, read_memory
from maskstream_server.session.prompt_changes import MAX_WAITING
from maskstream_server.session.prompts import MAX_TEXTS, SessionPrompts
from support.conversation import Conversation
from support.model_talk import ModelTalk
from support.stand_ins import NO_OPTIONS, StandIn, stand_in


def prompted(*texts: str, lookahead: int = 0) -> ModelTalk:
    model = stand_in(lookahead=lookahead, prompts="required")
    return ModelTalk.stepped_by(model, prompts=SessionPrompts().replaced(texts))


def prompts_of(talk: ModelTalk) -> list[list[str]]:
    return [[prompt.text for prompt in given.options.prompts] for given in talk.given]


def test_a_text_keeps_its_class_and_no_other_gets_it():
    first = SessionPrompts().replaced(["red", "green", "red"])
    assert first.for_model() == (Prompt("red", 0), Prompt("green", 1))
    second = first.replaced(["blue", "green"])
    assert second.for_model() == (Prompt("blue", 2), Prompt("green", 1))
    assert second.replaced(["red"]).for_model() == (Prompt("red", 0),)
    assert second.asked == ("blue", "green")


def test_a_session_takes_so_many_texts():
    full = SessionPrompts().replaced(str(number) for number in range(MAX_TEXTS))
    assert full.replaced(["7"]).asked == ("7",)
    with pytest.raises(BadMessageError, match="1024 different prompts"):
        full.replaced(["one more"])


def test_prompts_count_from_the_next_frame_on():
    talk = prompted("red")
    talk.frames(1, 2)
    talk.text(type="prompts", prompts=["green", "red"])
    talk.frames(3, 3)
    talk.run()
    (answer,) = talk.of("prompted")
    assert answer["from_sequence"] == 3
    assert [(each["text"], each["class_id"]) for each in answer["prompts"]] == [
        ("green", 1),
        ("red", 0),
    ]
    assert prompts_of(talk) == [["red"], ["red"], ["green", "red"]]


def test_the_tracks_of_each_prompt_are_named():
    talk = prompted("red", "green")
    talk.frames(1, 3)
    talk.run()
    talk.text(type="prompts", prompts=["green", "red", "blue"])
    talk.run()
    (answer,) = talk.of("prompted")
    assert [each["track_ids"] for each in answer["prompts"]] == [[2], [1], []]


def test_a_resume_keeps_the_prompts_of_the_last_committed_frame_and_their_classes():
    talk = prompted("red", lookahead=1)
    talk.frames(1, 2)
    talk.text(type="prompts", prompts=["green"])
    talk.frames(3, 4)
    talk.run()
    save = talk.committed[-1]
    memory = read_memory(save.epoch, save.sequence, save.parts, "stand-in")
    assert (memory.sequence, memory.prompts.asked, memory.prompts.texts) == (
        3,
        ("green",),
        ("red", "green"),
    )
    again = talk.resumed()
    again.frames(4, 5)
    again.run()
    assert prompts_of(again) == [["green"], ["green"]]


def test_a_flush_of_a_late_model_has_the_prompts_of_the_last_frame():
    talk = prompted("red", lookahead=3)
    talk.frames(1, 1)
    talk.text(type="flush", id=1)
    talk.text(type="prompts", prompts=["blue"])
    talk.run()
    assert prompts_of(talk) == [["red"], ["red"]]


def test_prompts_outlive_a_reset():
    talk = prompted("red")
    talk.frames(1, 1)
    talk.text(type="reset")
    talk.run()
    talk.frames(2, 2, epoch=2)
    talk.run()
    assert prompts_of(talk) == [["red"], ["red"]]
    assert read_memory(2, 1, talk.committed[1].parts, "stand-in").prompts.asked == ("red",)


def test_a_model_that_takes_none_says_so():
    talk = Conversation.begin()
    talk.text(type="prompts", prompts=["red"])
    assert talk.error_codes == ["bad_message"]


class Choosy(StandIn):
    """Knows no unicorns."""

    def begin(self, options=NO_OPTIONS):
        if "unicorn" in [prompt.text for prompt in options.prompts]:
            raise PromptError("there is no unicorn")
        return super().begin(options)


@pytest.fixture
def choosy() -> ModelTalk:
    model = Choosy(stand_in(prompts="required").info)
    return ModelTalk.stepped_by(model, prompts=SessionPrompts().replaced(["red"]))


def test_prompts_that_the_model_refuses_leave_the_old_ones_and_cost_no_frame(choosy):
    choosy.frames(1, 1)
    choosy.text(type="prompts", prompts=["unicorn", "green"])
    choosy.frames(2, 3)
    choosy.run()
    assert choosy.of("prompted") == []
    (error,) = choosy.of("error")
    sentence = "The model refuses the prompts: there is no unicorn."
    assert (error["code"], error["fatal"], error["message"]) == ("bad_message", False, sentence)
    assert prompts_of(choosy) == [["red"], ["red"], ["red"]]
    choosy.text(type="prompts", prompts=["green"])
    choosy.run()
    assert [each["class_id"] for each in choosy.of("prompted")[0]["prompts"]] == [1]


def test_frames_wait_for_the_models_word_on_the_prompts_before_them(choosy):
    choosy.text(type="prompts", prompts=["green"])
    choosy.frames(1, 1)
    choosy.text(type="prompts", prompts=["unicorn"])
    choosy.frames(2, 2)
    choosy.text(type="prompts", prompts=["blue", "red"])
    choosy.frames(3, 3)
    checks = [action for action in choosy.work if isinstance(action, CheckPrompts)]
    assert [check.prompts.asked for check in checks] == [("green",)]
    choosy.work = [action for action in choosy.work if action not in checks]
    choosy.run()
    assert choosy.given == []
    choosy.work = checks
    choosy.run()
    assert prompts_of(choosy) == [["green"], ["green"], ["blue", "red"]]
    assert [each["from_sequence"] for each in choosy.of("prompted")] == [1, 3]
    assert choosy.error_codes == ["bad_message"]


def test_bye_waits_for_the_answer_to_prompts(choosy):
    choosy.text(type="prompts", prompts=["green"])
    choosy.text(type="bye")
    assert choosy.closed is None
    choosy.run()
    assert (choosy.story, choosy.closed) == (["prompted"], 1000)


def test_so_many_changes_may_wait(choosy):
    for number in range(MAX_WAITING + 1):
        choosy.text(type="prompts", prompts=[str(number)])
    assert choosy.error_codes == ["bad_message"]
    choosy.run()
    assert len(choosy.of("prompted")) == MAX_WAITING


@pytest.mark.parametrize(
    "prompts", [[], [""], ["  "], ["x" * 257], [str(number) for number in range(17)], "red", [1]]
)
def test_what_are_no_prompts_is_a_bad_message(prompts):
    talk = prompted("red")
    talk.text(type="prompts", prompts=prompts)
    assert talk.error_codes == ["bad_message"]


def test_a_memory_with_prompts_comes_back_as_it_was():
    prompts = SessionPrompts(("red", "green"), (1,))
    memory = SessionMemory(1, 3, 3, True, frozenset({4}), {"a": b"x"}, "abc", prompts, {4: 1})
    assert read_memory(1, 3, memory.to_parts(), "now") == memory
