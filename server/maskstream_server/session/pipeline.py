"""The way of a session's frames: decoding a little ahead, one at a time in the model, in order."""

from dataclasses import dataclass, replace
from typing import Any, Final

from maskstream_model.aliases import Frame
from maskstream_model.port import SessionOptions, StepInput
from maskstream_protocol.errors import InternalError, WireError
from maskstream_protocol.results import ResultMessage, Timings
from maskstream_server.events.observation import Seen
from maskstream_server.session.actions import Action, Decode, Encode, SendResult, StepModel
from maskstream_server.session.admission import Terms
from maskstream_server.session.line import Checkpoint, FramePhase, FrameTask, Line
from maskstream_server.session.memory import Beginning
from maskstream_server.session.prompts import NO_PROMPTS, SessionPrompts
from maskstream_server.session.reporting import StepReport

DECODE_AHEAD: Final = 2


@dataclass(frozen=True, eq=False)
class Chain:
    """What the next step of the model continues from.

    Attributes:
        state: the model's; None where the epoch has seen nothing.
        index: frames stepped, as the model counts them.
        committed: last frame of which a checkpoint was made.
        answered: last frame that has its final result.
        mentioned: tracks that the client knows and that have not disappeared.
    """

    epoch: int
    state: Any = None
    index: int = 0
    committed: int = 0
    answered: int = 0
    mentioned: frozenset[int] = frozenset()
    prompts: SessionPrompts = NO_PROMPTS

    @classmethod
    def of(cls, beginning: Beginning) -> "Chain":
        """Return the chain of a session that a connection takes up."""
        memory, index = beginning.memory, beginning.index
        return cls(
            memory.epoch,
            beginning.state,
            index=index,
            committed=index,
            answered=index,
            mentioned=memory.mentioned,
            prompts=memory.prompts,
        )


@dataclass(frozen=True)
class WorkTimes:
    """Seconds that the engine worked for a step: in the model, and on masks and state."""

    inference_s: float
    read_s: float


class Pipeline:
    """The line of frames and the chain of states: which work can begin, what has become of it.

    Args:
        terms: agreed at the opening of the connection.
        chain: where the model continues.
        answered: frames up to this one had their results before: they are only stepped.

    Attributes:
        line: frames and requests in the order of their answers.
    """

    def __init__(self, terms: Terms, chain: Chain, answered: int = 0) -> None:
        self.line = Line()
        self._terms = terms
        self._chain = chain
        self._answered = answered
        self._flushed_from: Chain | None = None

    def add(self, task: FrameTask) -> list[FrameTask]:
        """Queue a frame; returns those that it supersedes (`latest` keeps one that waits)."""
        pictures = task.error is None and not task.frame.is_unit
        superseded = self._superseded(task, FramePhase.WAITING) if pictures else []
        self.line.add(task)
        return superseded

    def _superseded(self, newer: FrameTask, phase: FramePhase) -> list[FrameTask]:
        """Take out the frames in this phase, which a newer one replaces; none if `lossless`.

        Later units need every one before them: they are replaced when they are decoded.
        """
        if self._terms.policy != "latest":
            return []
        superseded = self.line.take(phase, newer)
        newer.skipped += sum(1 + old.skipped for old in superseded)
        return superseded

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way: frames that wait for later ones do not count."""
        idle = all(task.phase is FramePhase.PENDING for task in self.line.tasks())
        return idle and self._flushed_from is None

    def start_work(self, ending: bool = False) -> list[Action]:
        """Return the work that can begin now; `ending`: no further frame comes."""
        busy = self._flushed_from is not None or any(
            task.phase is FramePhase.STEPPING or task.is_stale for task in self.line.tasks()
        )
        actions: list[Action] = []
        for task in self._to_decode(busy):
            if task.phase is FramePhase.WAITING:
                task.phase = FramePhase.DECODING
                actions.append(Decode(task.frame, task.arrived_s))
        return actions if busy else [*actions, *self._next_step(ending)]

    def _to_decode(self, busy: bool) -> list[FrameTask]:
        """Return the frames that may be decoded now, or are already."""
        ahead = [task for task in self.line.tasks() if task.before_model]
        if self._terms.policy == "lossless":
            return ahead[:DECODE_AHEAD]
        # Of pictures nothing is decoded ahead: what waits may yet be superseded.
        units = [task for task in ahead if task.frame.is_unit and task.picture is None]
        return [*units[:DECODE_AHEAD], *([] if busy else ahead[:1])]

    def _next_step(self, ending: bool) -> list[Action]:
        """Return the next work of the model: a frame, or what is pending where it must be out."""
        pending = False
        for item in self.line:
            if not isinstance(item, FrameTask):
                if pending:
                    return [self._flush()]
            elif item.phase is FramePhase.PENDING:
                pending = True
                if item.frame.last:
                    return [self._flush()]
            elif item.before_model:
                if item.picture is None or item.awaits_prompts:
                    return []
                return [self._step(item, item.picture)]
        return [self._flush()] if pending and ending else []

    def _step(self, task: FrameTask, picture: Frame) -> StepModel:
        chain = self._chain_of(task)
        task.before, task.phase, task.index = self._chain, FramePhase.STEPPING, chain.index + 1
        options = self._options(task.prompts)
        step = StepInput[Any]([picture], chain.state, options, task.skipped)
        return _step_of(chain, task.frame.sequence, step, task.index)

    def _chain_of(self, task: FrameTask) -> Chain:
        """Return the chain, or a new one where the frame begins an epoch."""
        return self._chain if self._chain.epoch == task.frame.epoch else Chain(task.frame.epoch)

    def _flush(self) -> StepModel:
        chain = self._flushed_from = self._chain
        step = StepInput[Any]((), chain.state, self._options(chain.prompts))
        return _step_of(chain, None, step, chain.index)

    def _options(self, prompts: SessionPrompts) -> SessionOptions:
        return SessionOptions(prompts.for_model(), self._terms.max_tracks)

    def decoded(self, sequence: int, picture: Frame, decode_s: float) -> list[FrameTask]:
        """Take the upright picture of a `Decode`; returns the units that it supersedes."""
        task = self.line.task(sequence)
        if task is None:
            return []
        task.picture, task.size = picture, (picture.shape[0], picture.shape[1])
        task.decode_s, task.phase = decode_s, FramePhase.DECODED
        return self._superseded(task, FramePhase.DECODED) if task.frame.is_unit else []

    def stepped(
        self, sequence: int | None, report: StepReport, times: WorkTimes, now_s: float
    ) -> list[Action]:
        """Take the result of a `StepModel`, with the new state."""
        if sequence is None:
            return self._flushed(report, times, now_s)
        task = self.line.task(sequence)
        if task is None or task.comes_stale():
            return []
        repeated = sequence <= self._answered
        task.phase = FramePhase.DONE if repeated else FramePhase.PENDING
        chain = replace(self._chain_of(task), index=task.index, prompts=task.prompts)
        actions = self._continue_chain(chain, report, times, now_s)
        self._fail_unanswered(chain.index - self._terms.lookahead)
        return actions

    def _flushed(self, report: StepReport, times: WorkTimes, now_s: float) -> list[Action]:
        before, self._flushed_from = self._flushed_from, None
        if before is not self._chain:
            return []
        actions = self._continue_chain(before, report, times, now_s)
        self._fail_unanswered(before.index)
        return actions

    def _fail_unanswered(self, last: int) -> None:
        """Drop frames up to `last`, as the model counts, that the model has not answered."""
        for task in self._pending():
            if task.index <= last:
                task.fail(InternalError("The model has left this frame without a result."))

    def _continue_chain(
        self, chain: Chain, report: StepReport, times: WorkTimes, now_s: float
    ) -> list[Action]:
        """Continue the chain, and have encoded what was found."""
        pending = {task.index: task for task in self._pending()}
        actions: list[Action] = []
        last: FrameTask | None = None
        for frame in report.frames:
            task = pending.get(frame.index)
            if task is None:
                continue
            timings = _timings(task, times, now_s)
            actions.append(Encode(task.frame, frame, timings))
            if frame.final:
                task.phase, task.mentioned, last = FramePhase.ENCODING, frame.mentioned, task
                task.classes = frame.classes
        committed = chain.committed
        if last is not None and report.parts is not None:
            committed = report.committed
            last.checkpoint = Checkpoint(committed, report.parts)
        self._chain = replace(
            chain,
            state=report.state,
            committed=committed,
            answered=max([chain.answered, *(each.index for each in report.frames if each.final)]),
            mentioned=report.mentioned,
        )
        return actions

    def _pending(self) -> list[FrameTask]:
        return [task for task in self.line.tasks() if task.phase is FramePhase.PENDING]

    def encoded(
        self, sequence: int, answer: ResultMessage, final: bool, seen: Seen
    ) -> list[Action]:
        """Take the message of an `Encode`; a provisional one goes out unless it comes too late."""
        task = self.line.task(sequence)
        if task is None:
            return []
        if not final:
            early = task.phase in (FramePhase.PENDING, FramePhase.ENCODING)
            message = SendResult(answer.encode(), task.arrived_s, sequence, final=False)
            return [message] if early else []
        if not task.comes_stale():
            task.answer, task.seen, task.phase = answer, seen, FramePhase.DONE
        return []

    def failed(self, sequence: int | None, error: WireError) -> None:
        """Drop a frame whose work failed; the chain of states continues without it."""
        if sequence is None:
            self._flush_failed(error)
            return
        task = self.line.task(sequence)
        if task is None or task.comes_stale():
            return
        if task.phase is FramePhase.ENCODING:
            self._take_back(task)
        task.fail(error)

    def _flush_failed(self, error: WireError) -> None:
        """Drop all frames that are pending; the state goes back to before them."""
        before, self._flushed_from = self._flushed_from, None
        pending = self._pending()
        if before is not self._chain or not pending:
            return
        self._take_back(pending[0])
        for task in pending:
            task.fail(InternalError(error.message))

    def _take_back(self, failed: FrameTask) -> None:
        """Undo what the model made of a frame; later ones that built on it meet the model again."""
        self._chain = failed.before
        for task in self.line.tasks():
            if task.frame.sequence > failed.frame.sequence and task.before and not task.error:
                task.take_back()


def _step_of(
    chain: Chain, sequence: int | None, step: StepInput[Any], num_frames: int
) -> StepModel:
    """Return a step that continues a chain."""
    return StepModel(sequence, step, chain.mentioned, chain.committed, num_frames, chain.answered)


def _timings(task: FrameTask, times: WorkTimes, now_s: float) -> Timings:
    """Return microseconds of each part so far; encoding adds its own."""
    worked_s = task.decode_s + times.inference_s + times.read_s
    return Timings(
        wait_us=_microseconds(now_s - task.arrived_s - worked_s),
        decode_us=_microseconds(task.decode_s),
        infer_us=_microseconds(times.inference_s),
        encode_us=_microseconds(times.read_s),
    )


def _microseconds(seconds: float) -> int:
    """Return what fits the wire's 32 bits, even after a machine slept."""
    return min(max(0, round(1e6 * seconds)), 2**32 - 1)
