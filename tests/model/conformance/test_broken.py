"""Models that break one law each: the suite says so."""

from dataclasses import replace

import numpy as np
import pytest

from maskstream_model.conformance import LAWS, Case
from maskstream_model.errors import StateError
from maskstream_model.port import Prompt, SessionOptions, StepOutput
from support.stand_ins import NO_OPTIONS, Memory, StandIn, State, colored_frames, stand_in

PROMPTS = SessionOptions(prompts=(Prompt("red", 0), Prompt("a cat", 4)))


class Remembers(StandIn):
    """Ids continue from session to session."""

    next_track_id = 1

    def _advance(self, memory, now, later):
        memory = replace(memory, next_track_id=max(memory.next_track_id, self.next_track_id))
        result, memory = super()._advance(memory, now, later)
        self.next_track_id = memory.next_track_id
        return result, memory


class CountsSteps(StandIn):
    """Scores depend on how many frames share a step."""

    def step(self, batch, pause=None):
        pairs = zip(batch, super().step(batch), strict=True)
        return [self._moved(given, output) for given, output in pairs]

    def _moved(self, given, output):
        share = np.float32(1 / len(given.frames))
        results = [
            replace(each, tracks=replace(each.tracks, scores=each.tracks.scores * share))
            for each in output.results
        ]
        return StepOutput(results, output.state)


class MixesSessions(StandIn):
    """Sessions of one step share the memory of the first."""

    def step(self, batch, pause=None):
        first = batch[0].state
        return super().step([replace(given, state=first) for given in batch])


class NeverFlushes(StandIn):
    """What is pending at the end is lost."""

    def flush(self, state, options=NO_OPTIONS, pause=None):
        return StepOutput([], state)


class ComesTooLate(StandIn):
    """Answers everything at the end, but says three frames."""

    def step(self, batch, pause=None):
        late = stand_in(None)
        return late.step(batch)


class Mutates(StandIn):
    """The state that a step is given is changed."""

    def step(self, batch, pause=None):
        outputs = super().step(batch)
        for given, output in zip(batch, outputs, strict=True):
            object.__setattr__(given.state, "memory", output.state.memory)
        return outputs


class TakesAnyFrame(StandIn):
    """Frames of another type are made to fit."""

    def step(self, batch, pause=None):
        return super().step(
            [replace(each, frames=[*map(self._fit, each.frames)]) for each in batch]
        )

    def _fit(self, frame):
        colors = frame.reshape(*frame.shape[:2], -1).astype(np.uint8)
        return np.broadcast_to(colors, (*frame.shape[:2], 3))


class NeedsNothing(StandIn):
    """Continues without the prompts that it says it needs."""

    def _wanted(self, options):
        return super()._wanted(options if options.prompts else PROMPTS)


class SwapsLabels(StandIn):
    """Labels are places in the list of prompts."""

    def _wanted(self, options):
        super()._wanted(options)
        return {index: prompt.text for index, prompt in enumerate(options.prompts)}


class KeepsTracks(SwapsLabels):
    """The same track continues under the next prompt, with that one's label."""

    def step(self, batch, pause=None):
        outputs = super().step(batch)
        for given, output in zip(batch, outputs, strict=True):
            ids = [prompt.class_id for prompt in given.options.prompts]
            for result in output.results:
                labels = result.tracks.labels
                labels[:] = [ids[label] for label in labels]
        return outputs


class KnowsNoLimit(StandIn):
    """`max_tracks` is ignored."""

    def step(self, batch, pause=None):
        free = [replace(g, options=replace(g.options, max_tracks=None)) for g in batch]
        return super().step(free)


class CountsGaps(StandIn):
    """Frames that were left out are counted."""

    def step(self, batch, pause=None):
        moved = []
        for given in batch:
            memory = given.state.memory
            memory = replace(memory, num_frames=memory.num_frames + given.skipped)
            moved.append(replace(given, state=replace(given.state, memory=memory)))
        return super().step(moved)


class ForgetsInParts(StandIn):
    """Tracks are not kept."""

    def to_parts(self, state):
        return super().to_parts(State(replace(state.memory, tracks=())))


class CommitsTooMuch(StandIn):
    """Frames count as committed that the parts do not hold."""

    def committed(self, state):
        return state.memory.num_frames + len(state.pending)


class Grows(StandIn):
    """Every frame leaves something in the memory."""

    def to_parts(self, state):
        parts = super().to_parts(state)
        return {**parts, "model": parts["model"] + b" " * state.memory.num_frames}


class NamesPartsFreely(StandIn):
    """Names of parts are texts of any kind."""

    def to_parts(self, state):
        return {name.upper(): blob for name, blob in super().to_parts(state).items()}

    def from_parts(self, parts, options=NO_OPTIONS):
        return super().from_parts({name.lower(): blob for name, blob in parts.items()}, options)


class TakesAnyParts(StandIn):
    """Parts that are missing are made up."""

    def from_parts(self, parts, options=NO_OPTIONS):
        try:
            return super().from_parts(parts, options)
        except StateError:
            return State(Memory())


class CrashesOnParts(StandIn):
    """Damaged parts raise whatever they raise."""

    def from_parts(self, parts, options=NO_OPTIONS):
        try:
            return super().from_parts(parts, options)
        except StateError as error:
            if "damaged" in str(error):
                raise KeyError("damaged") from error
            raise


class UsesIdsAgain(StandIn):
    """A new track takes the lowest id that is free."""

    def _advance(self, memory, now, later):
        taken = [track.track_id for track in memory.tracks]
        memory = replace(memory, next_track_id=max(taken, default=0) + 1)
        return super()._advance(memory, now, later)


class LeavesQuietly(StandIn):
    """A track that has gone is not listed any more."""

    def _advance(self, memory, now, later):
        result, memory = super()._advance(memory, now, later)
        table, stay = result.tracks, result.tracks.status != 3
        columns = {name: each[stay] for name, each in vars(table).items() if each is not None}
        masks = type(result.masks)(result.masks.values[stay])
        return replace(result, tracks=replace(table, **columns), masks=masks), memory


class WrongTypes(StandIn):
    """Scores are doubles."""

    def _advance(self, memory, now, later):
        result, memory = super()._advance(memory, now, later)
        scores = result.tracks.scores.astype(np.float64)
        return replace(result, tracks=replace(result.tracks, scores=scores)), memory


class LooseBoxes(StandIn):
    """Boxes are a pixel too large."""

    def _advance(self, memory, now, later):
        result, memory = super()._advance(memory, now, later)
        return replace(result, masks=Loose(result.masks)), memory


class Loose:
    def __init__(self, masks):
        self.masks = masks

    def crops(self, rows, size, with_logits=False):
        crops = self.masks.crops(rows, size, with_logits)
        boxes = crops.boxes + (crops.areas > 0)[:, None] * np.array([0, 0, 0, 1])
        wider = (tuple(map(self._wider, each or ())) for each in (crops.bitmaps, crops.logits))
        return replace(crops, boxes=boxes, bitmaps=next(wider), logits=next(wider))

    def _wider(self, cut):
        return np.pad(cut, ((0, 1), (0, 0))) if cut.size else cut


BROKEN = (
    ("a_run_alone_repeats_bit_by_bit", Remembers, {}),
    ("any_cut_into_steps_gives_the_same_finals", CountsSteps, {}),
    ("sessions_that_share_steps_do_not_meet", MixesSessions, {}),
    ("finals_come_once_and_in_order", NeverFlushes, {"lookahead": 3}),
    ("finals_come_once_and_in_order", ComesTooLate, {"lookahead": 3}),
    ("a_step_leaves_its_state_as_it_was", Mutates, {}),
    ("a_step_that_raises_changes_nothing", TakesAnyFrame, {}),
    ("prompts_are_taken_as_the_info_says", NeedsNothing, {"prompts": "required"}),
    ("prompts_are_taken_as_the_info_says", SwapsLabels, {"prompts": "required"}),
    ("tracks_of_a_prompt_never_become_anothers", KeepsTracks, {"prompts": "required"}),
    ("the_limit_of_tracks_is_kept", KnowsNoLimit, {}),
    ("frames_that_were_left_out_are_not_counted", CountsGaps, {}),
    ("a_session_resumes_after_any_frame", ForgetsInParts, {}),
    ("a_session_resumes_after_any_frame", CommitsTooMuch, {"lookahead": 3}),
    ("changed_parts_give_the_whole_memory", NamesPartsFreely, {}),
    ("memory_is_bounded", Grows, {}),
    ("wrong_parts_are_refused", TakesAnyParts, {}),
    ("damaged_parts_never_crash", CrashesOnParts, {}),
    ("tables_are_well_formed", WrongTypes, {}),
    ("ids_are_given_once", UsesIdsAgain, {}),
    ("ids_are_given_once", LeavesQuietly, {}),
    ("crops_agree_with_whole_masks", LooseBoxes, {}),
)
BY_NAME = {law.__name__: law for law in LAWS}


@pytest.mark.parametrize(("law", "broken", "given"), BROKEN)
def test_a_model_that_breaks_a_law_is_found(law, broken, given):
    options = PROMPTS if given.get("prompts") else NO_OPTIONS
    info = stand_in(**given).info
    case = Case(lambda: broken(info), colored_frames(), options, max_bytes=500)
    with pytest.raises((AssertionError, KeyError), match=r"\w+"):
        BY_NAME[law](case)


def test_a_model_whose_facts_change_is_found():
    names = iter("abcd")
    case = Case(lambda: stand_in(name=next(names)), colored_frames())
    with pytest.raises(AssertionError, match="different facts"):
        BY_NAME["the_info_is_whole"](case)


def test_every_law_can_be_broken():
    assert {law for law, *_ in BROKEN} | {"the_info_is_whole"} == set(BY_NAME)
