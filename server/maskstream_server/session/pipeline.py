"""The way of a session's frames: decoding a little ahead, one at a time in the model, in order."""

from typing import Any, Final

from maskstream_model.interface import Frame
from maskstream_protocol.errors import WireError
from maskstream_protocol.messages import Policy
from maskstream_protocol.results import ResultMessage, Timings
from maskstream_server.engine.types import EngineResult
from maskstream_server.session.actions import Action, Decode, Encode, Infer
from maskstream_server.session.line import Job, Line, Phase

DECODE_AHEAD: Final = 2


class Pipeline:
    """The line of frames and the chain of states: which work can begin, what has become of it.

    Attributes:
        line: frames and requests in the order of their answers.
    """

    def __init__(
        self, policy: Policy, epoch: int, state: Any, mentioned: frozenset[int] = frozenset()
    ) -> None:
        self.line = Line()
        self._policy = policy
        self._chain = (epoch, state, mentioned)

    def add(self, job: Job) -> list[Job]:
        """Queue a frame; returns those that it supersedes (`latest` keeps one that waits)."""
        superseded: list[Job] = []
        if self._policy == "latest" and job.error is None:
            superseded = self.line.take_waiting()
        self.line.add(job)
        return superseded

    def start_work(self) -> list[Action]:
        """Return the work that can begin now."""
        waiting = [job for job in self.line.jobs() if job.before_model]
        inferring = any(job.phase is Phase.INFERRING or job.is_stale for job in self.line.jobs())
        # `latest` decodes nothing ahead: what waits may yet be superseded.
        ahead = DECODE_AHEAD if self._policy == "lossless" else int(not inferring)
        actions: list[Action] = []
        for job in waiting[:ahead]:
            if job.phase is Phase.WAITING:
                job.phase = Phase.DECODING
                actions.append(Decode(job.frame, job.arrived_s))
        if waiting and not inferring and waiting[0].picture is not None:
            actions.append(self._infer(waiting[0], waiting[0].picture))
        return actions

    def _infer(self, job: Job, picture: Frame) -> Infer:
        epoch, state, mentioned = self._chain
        if epoch != job.frame.epoch:
            state, mentioned = None, frozenset()
        job.before, job.phase = self._chain, Phase.INFERRING
        return Infer(job.frame.sequence, picture, state, mentioned)

    def decoded(self, sequence: int, picture: Frame, decode_s: float) -> None:
        """Take the upright picture of a `Decode`."""
        job = self.line.job(sequence)
        if job is not None:
            job.picture, job.size = picture, (picture.shape[0], picture.shape[1])
            job.decode_s, job.phase = decode_s, Phase.DECODED

    def inferred(self, sequence: int, result: EngineResult[Any], now_s: float) -> list[Action]:
        """Take what the model found; the state goes on from it."""
        job = self.line.job(sequence)
        if job is None or job.comes_stale():
            return []
        self._chain = (job.frame.epoch, result.state, result.mentioned)
        job.snapshot, job.mentioned = result.snapshot, result.mentioned
        job.phase = Phase.ENCODING
        return [Encode(job.frame, result, _timings(job, result, now_s), job.size)]

    def encoded(self, sequence: int, answer: ResultMessage) -> None:
        """Take the message of an `Encode`."""
        job = self.line.job(sequence)
        if job is not None and not job.comes_stale():
            job.answer, job.phase = answer, Phase.DONE

    def failed(self, sequence: int, error: WireError) -> None:
        """Drop a frame whose work failed; the chain of states goes on without it."""
        job = self.line.job(sequence)
        if job is None or job.comes_stale():
            return
        if job.phase is Phase.ENCODING:
            self._take_back(job)
        job.fail(error)

    def _take_back(self, failed: Job) -> None:
        """Undo what the model made of a frame; later ones that built on it meet the model again."""
        self._chain = failed.before
        for job in self.line.jobs():
            if job.frame.sequence > failed.frame.sequence and job.before and not job.error:
                job.take_back()


def _timings(job: Job, result: EngineResult[Any], now_s: float) -> Timings:
    """Return microseconds of each part so far; encoding adds its own."""
    worked_s = job.decode_s + result.inference_s + result.postprocess_s
    return Timings(
        wait_us=_microseconds(now_s - job.arrived_s - worked_s),
        decode_us=_microseconds(job.decode_s),
        infer_us=_microseconds(result.inference_s),
        encode_us=_microseconds(result.postprocess_s),
    )


def _microseconds(seconds: float) -> int:
    """Return what fits the wire's 32 bits, even after a machine slept."""
    return min(max(0, round(1e6 * seconds)), 2**32 - 1)
