"""Laws of memory: parts and back, resumed sessions, changed parts, bounds, refusals."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from maskstream_model.conformance.case import Case, compare, require, run, seen
from maskstream_model.errors import StateError
from maskstream_model.memory_bounds import beyond_bounds
from maskstream_model.port import FrameResult, StepInput


def a_session_resumes_after_any_frame(case: Case) -> None:
    """Another model reads the parts, takes the frames after `committed`, and gives the same."""
    other = case.load()
    for number in _some(len(case.frames)):
        results, state = _begun(case, number)
        parts = case.model.to_parts(state)
        resumed = other.from_parts(parts, case.options)
        require(other.to_parts(resumed) == parts, "parts that were read are written differently")
        start = case.model.committed(state)
        require(other.committed(resumed) == start, "the parts hold another frame than committed")
        rest, _ = run(other, case.frames[start:], case.options, state=resumed)
        compare(
            seen(other, [*results, *rest]),
            case.expected,
            f"resumed after frame {number}, from frame {start + 1}",
            case if start < number else None,
        )


def changed_parts_give_the_whole_memory(case: Case) -> None:
    """Writing what changed with each frame, by name, keeps all that `to_parts` returns."""
    stored: dict[str, bytes] = {}
    for _, parts in _commits(case, len(case.frames)):
        for name in set(stored) - set(parts):
            del stored[name]
        stored |= {name: blob for name, blob in parts.items() if stored.get(name) != blob}
        require(stored == parts, "replayed parts differ from the whole memory")
        _check_bounds(parts)
    case.load().from_parts(stored, case.options)


def memory_is_bounded(case: Case) -> None:
    """After a thousand frames the parts are no larger than stated, and few of them change."""
    before: Mapping[str, bytes] = {}
    for number, parts in _commits(case, case.num_long):
        size = sum(map(len, parts.values()))
        require(size <= case.max_bytes, f"{size} bytes of memory after frame {number}")
        changed = sum(len(blob) for name, blob in parts.items() if before.get(name) != blob)
        fits = number == 1 or changed <= case.frame_bytes
        require(fits, f"{changed} bytes change with frame {number}")
        before = parts


def wrong_parts_are_refused(case: Case) -> None:
    """Parts that are missing, strange, cut or too long are StateErrors with a sentence."""
    parts = case.model.to_parts(_begun(case, len(case.frames))[1])
    for what, wrong in _spoilt(parts):
        try:
            case.model.from_parts(wrong, case.options)
        except StateError as error:
            require(str(error).strip(), f"{what}: a StateError without a sentence")
        else:
            raise AssertionError(f"{what}: was taken")


def damaged_parts_never_crash(case: Case) -> None:
    """Bytes that were changed are a StateError or a memory that can be stepped."""
    model = case.model
    parts = model.to_parts(_begun(case, len(case.frames))[1])
    for name, blob in parts.items():
        states = list[Any]()
        for position in range(0, len(blob), max(1, len(blob) // 8)):
            changed = bytearray(blob)
            changed[position] ^= 0xFF
            with suppress(StateError):
                states.append(model.from_parts(parts | {name: bytes(changed)}, case.options))
        if states:
            model.step([StepInput(case.frames[:1], state, case.options) for state in states])


def _some(count: int) -> list[int]:
    """Return numbers of frames to break off after: the first, the last, and some between."""
    return sorted({1, 2, count // 3, count // 2, count - 1})


def _begun(case: Case, number: int) -> tuple[list[FrameResult], Any]:
    """Return the results of the first frames, taken one by one, and the state after them."""
    outputs = case.steps[:number]
    return [result for output in outputs for result in output.results], outputs[-1].state


def _commits(case: Case, count: int) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Yield the parts after each of so many frames, those of the case over and over."""
    model, options = case.model, replace(case.options, max_tracks=case.max_tracks)
    state = model.begin(options)
    for number in range(count):
        frame = case.frames[number % len(case.frames)]
        (output,) = model.step([StepInput([frame], state, options)])
        state = output.state
        yield number + 1, model.to_parts(state)


def _check_bounds(parts: Mapping[str, bytes]) -> None:
    wrong = beyond_bounds(parts)
    require(wrong is None, f"the model keeps {wrong}")


def _spoilt(parts: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, bytes]]]:
    yield "no parts", {}
    yield "a part too many", {**parts, "unknown": b"1"}
    for name in parts:
        yield f"without {name}", {key: blob for key, blob in parts.items() if key != name}
        if parts[name]:
            yield f"{name} is cut", {**parts, name: parts[name][:-1]}
        yield f"{name} is too long", {**parts, name: parts[name] + b"\x01"}


MEMORY_LAWS = (
    a_session_resumes_after_any_frame,
    changed_parts_give_the_whole_memory,
    memory_is_bounded,
    wrong_parts_are_refused,
    damaged_parts_never_crash,
)
