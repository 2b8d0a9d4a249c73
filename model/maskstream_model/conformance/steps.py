"""Laws of steps: cuts, batches, order, limits, prompts, and steps that fail."""

from dataclasses import replace
from typing import Any

import numpy as np

from maskstream_model.conformance.case import Case, compare, require, run, seen
from maskstream_model.errors import FrameError, PromptError
from maskstream_model.port import FrameResult, Prompt, SessionOptions, StepInput, TrackStatus

CUTS = ((2,), (1, 3), (5, 1, 1), (1 << 30,))
"""Sizes of steps, over and over; the last is all frames at once."""


def a_run_alone_repeats_bit_by_bit(case: Case) -> None:
    """One session, frame by frame, on the same model and on another one of the same weights."""
    for model in (case.model, case.load()):
        results, _ = run(model, case.frames, case.options)
        compare(seen(model, results), case.expected, "repeated")


def any_cut_into_steps_gives_the_same_finals(case: Case) -> None:
    """One frame in a step, several, or the whole video."""
    for sizes in CUTS:
        results, _ = run(case.model, case.frames, case.options, sizes)
        compare(seen(case.model, results), case.expected, f"steps of {sizes}", case)


def sessions_that_share_steps_do_not_meet(case: Case) -> None:
    """Sessions of different ages in one step give what each gives alone."""
    model, options = case.model, case.options
    clips = [case.frames, case.frames[::-1], case.frames[3:]]
    others = [seen(model, run(model, clip, options)[0]) for clip in clips[1:]]
    alone = [case.expected, *others]
    states: list[Any] = [model.begin(options) for _ in clips]
    results: list[list[FrameResult]] = [[] for _ in clips]
    for time in range(len(case.frames)):
        under_way = [n for n, clip in enumerate(clips) if time < len(clip)]
        batch = [StepInput([clips[n][time]], states[n], options) for n in under_way]
        for n, output in zip(under_way, model.step(batch), strict=True):
            results[n] += output.results
            states[n] = output.state
    for n, state in enumerate(states):
        results[n] += model.flush(state, options).results
        compare(seen(model, results[n]), alone[n], f"session {n} of a batch", case)


def finals_come_once_and_in_order(case: Case) -> None:
    """A final for each frame, provisional results only before it, none later than the lookahead."""
    model, options = case.model, case.options
    finals = 0
    for number, output in enumerate(case.steps, 1):
        for result in output.results:
            if result.final:
                finals += 1
                require(result.index == finals, f"final {result.index} where {finals} is next")
            else:
                due = finals < result.index <= number
                require(due, f"a provisional result of frame {result.index} after its final")
        lookahead = model.info.lookahead
        late = lookahead is not None and finals < number - lookahead
        require(not late, f"frame {number} came and only {finals} are final")
        committed = model.committed(output.state)
        require(committed <= finals, "a frame is committed before it is final")
    rest = model.flush(case.steps[-1].state, options)
    indices = [result.index for result in rest.results]
    wanted = list(range(finals + 1, len(case.frames) + 1))
    require(indices == wanted, f"flush gave {indices}, not {wanted}")
    again = model.flush(rest.state, options).results
    require(not again, "a second flush gave results again")


def a_step_leaves_its_state_as_it_was(case: Case) -> None:
    """A state may be stepped twice with the same outcome: results are not hidden in it."""
    model, options = case.model, case.options
    state = case.steps[3].state
    before = model.to_parts(state)
    given = StepInput([case.frames[4]], state, options)
    first, second = (seen(model, model.step([given])[0].results) for _ in range(2))
    compare(second, first, "the same step again")
    require(model.to_parts(state) == before, "a step changed the state that it was given")


def a_step_that_raises_changes_nothing(case: Case) -> None:
    """Frames that cannot be are FrameErrors, alone or beside good ones; the session continues."""
    model, options = case.model, case.options
    output = case.steps[0]
    state = output.state
    shape = case.frames[0].shape
    wrong: list[Any] = [np.zeros(shape, np.float32), np.zeros(shape[:2], np.uint8)]
    for frame in wrong:
        for batch in ([frame], [case.frames[1], frame]):
            inputs = [StepInput([each], state, options) for each in batch]
            try:
                model.step(inputs)
            except FrameError:
                continue
            raise AssertionError(f"a frame {frame.dtype} {frame.shape} was no FrameError")
    results = [*output.results, *run(model, case.frames[1:], options, state=state)[0]]
    compare(seen(model, results), case.expected, "after steps that raised")


def prompts_are_taken_as_the_info_says(case: Case) -> None:
    """Prompts that are missing or not taken are PromptErrors; labels are those of the prompts."""
    model, some = case.model, SessionOptions(prompts=(Prompt("a thing", 3),))
    wrong = {"required": SessionOptions(), "never": some}.get(model.info.prompts)
    if wrong is not None:
        try:
            model.begin(wrong)
        except PromptError:
            pass
        else:
            raise AssertionError("prompts that are missing or not taken were no PromptError")
    own_classes = model.info.classes is not None and not case.options.prompts
    if model.info.prompts == "never" or own_classes:
        return
    known = {prompt.class_id for prompt in case.options.prompts}
    for result in case.results:
        found = set(result.tracks.labels.tolist())
        require(found <= known, f"labels {found} of prompts {known}")


def tracks_of_a_prompt_never_become_anothers(case: Case) -> None:
    """Where prompts are replaced, tracks end with theirs, and new ones have new ids."""
    model, prompts = case.model, case.options.prompts
    if model.info.prompts == "never" or not prompts:
        return
    others = tuple(Prompt(prompt.text, prompt.class_id + 1000) for prompt in prompts)
    options, owner = case.options, dict[int, int]()
    state = model.begin(options)
    for frame in case.frames:
        (output,) = model.step([StepInput([frame], state, options)])
        state = output.state
        for result in output.results:
            table = result.tracks
            for track_id, label in zip(
                table.track_ids.tolist(), table.labels.tolist(), strict=True
            ):
                same = owner.setdefault(track_id, label) == label
                require(same, f"track {track_id} of class {owner[track_id]} became {label}")
            if _living(result):
                options = replace(options, prompts=others)


def the_limit_of_tracks_is_kept(case: Case) -> None:
    """With `max_tracks` no more tracks live, and what it kept out is counted."""
    limited = replace(case.options, max_tracks=1)
    free = max(_living(result) for result in case.results)
    results, _ = run(case.model, case.frames, limited)
    require(max(_living(result) for result in results) <= 1, "more tracks live than may")
    refused = sum(result.num_refused for result in results)
    require(refused or free <= 1, "new tracks were refused and not counted")


def frames_that_were_left_out_are_not_counted(case: Case) -> None:
    """`skipped` announces a gap to the model; indices continue without it."""
    model, options = case.model, case.options
    state, results = model.begin(options), list[FrameResult]()
    for number in range(0, len(case.frames), 3):
        given = StepInput([case.frames[number]], state, options, skipped=2 if number else 0)
        (output,) = model.step([given])
        results += output.results
        state = output.state
    results += model.flush(state, options).results
    indices = [result.index for result in results if result.final]
    require(indices == [*range(1, len(indices) + 1)], f"indices are {indices}")


def _living(result: FrameResult) -> int:
    return int((result.tracks.status != TrackStatus.DISAPPEARED).sum())


STEP_LAWS = (
    a_run_alone_repeats_bit_by_bit,
    any_cut_into_steps_gives_the_same_finals,
    sessions_that_share_steps_do_not_meet,
    finals_come_once_and_in_order,
    a_step_leaves_its_state_as_it_was,
    a_step_that_raises_changes_nothing,
    prompts_are_taken_as_the_info_says,
    tracks_of_a_prompt_never_become_anothers,
    the_limit_of_tracks_is_kept,
    frames_that_were_left_out_are_not_counted,
)
