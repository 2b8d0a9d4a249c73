"""SgMg behind the port: frames wait until a chunk is full, then each text is looked for (13.6).

Texts share what does not depend on them; each is looked for alone, so that what one finds does not
change with the others. Of sessions whose chunks are full at once, and of one size, the backbone
looks at all chunks as one batch.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from maskstream_model.aliases import Frame, Pause
from maskstream_model.errors import PromptError
from maskstream_model.frame_by_frame import NO_OPTIONS, check_prompts
from maskstream_model.network_model import model_info, rounds
from maskstream_model.port import FrameResult, Prompt, SessionOptions, StepInput, StepOutput
from maskstream_model.sgmg.config import SgmgConfig
from maskstream_model.sgmg.memory import Found, Pending, SgmgState, follow, result, waiting
from maskstream_model.sgmg.network import ClipFeatures, Referred, SgmgNetwork
from maskstream_model.sgmg.pictures import images, padded_size, picture, resized_size
from maskstream_model.sgmg.state_parts import state_from_parts, state_to_parts
from maskstream_model.sgmg.text_encoder import TextFeatures
from maskstream_model.sgmg.tokens import Tokenizer

KEPT_TEXTS = 256
"""Texts whose features are kept, some 20 kB each."""


class SgmgModel:
    """One model that serves any number of sessions; implements `port.Model`.

    Attributes:
        info: facts.
        config: preset, with overrides applied.
        network: with weights.
    """

    def __init__(
        self,
        config: SgmgConfig,
        network: SgmgNetwork,
        tokenizer: Tokenizer,
        device: torch.device,
        fingerprint: str,
    ) -> None:
        self.config, self.device = config, device
        self.network = network.to(device).eval()
        self._tokenizer = tokenizer
        self._text = lru_cache(KEPT_TEXTS)(self._read)
        lookahead = config.online.chunk_frames - 1
        info = model_info(config, "sgmg", fingerprint, lookahead)
        self.info = replace(info, classes=None, prompts="required")

    def begin(self, options: SessionOptions = NO_OPTIONS) -> SgmgState:
        """Return the state before the first frame; see `port.Model`."""
        self._check(options)
        return SgmgState()

    def batch_key(self, height: int, width: int) -> Hashable:
        """Return the size of such a frame in the network."""
        return padded_size(resized_size(height, width, self.config.online.min_size))

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """Return the frames of a chunk, where so many are allowed."""
        return min(self.config.online.chunk_frames, most)

    @torch.no_grad()
    def step(
        self, batch: Sequence[StepInput[SgmgState]], pause: Pause | None = None
    ) -> list[StepOutput[SgmgState]]:
        """Take the next frames of some sessions; see `port.Model`."""
        for given in batch:
            self._check(given.options)
        frames = [(frame, given.options) for given in batch for frame in given.frames]
        states = [given.state for given in batch]
        found: list[list[FrameResult]] = [[] for _ in batch]
        for sessions, rows in rounds([len(given.frames) for given in batch]):
            for session, row in zip(sessions, rows, strict=True):
                more, states[session] = self._taken(states[session], *frames[row], pause)
                found[session] += more
            full = [each for each in sessions if self._is_full(states[each])]
            answers = self._answers([states[session] for session in full], pause)
            for session, (more, state) in zip(full, answers, strict=True):
                found[session] += more
                states[session] = state
        return [StepOutput(some, state) for some, state in zip(found, states, strict=True)]

    @torch.no_grad()
    def flush(
        self,
        state: SgmgState,
        options: SessionOptions = NO_OPTIONS,
        pause: Pause | None = None,
    ) -> StepOutput[SgmgState]:
        """Answer the frames that wait as a chunk of their own; the next one begins after them."""
        if not state.pending:
            return StepOutput([], state)
        ((found, after),) = self._answers([state], pause)
        return StepOutput(found, after)

    def committed(self, state: SgmgState) -> int:
        """Return the last frame of the last chunk."""
        return state.memory.num_frames

    def to_parts(self, state: SgmgState) -> dict[str, bytes]:
        """See `port.Model` and `state_parts`."""
        return state_to_parts(state, self.info.fingerprint)

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> SgmgState:
        """See `port.Model` and `state_parts`."""
        return state_from_parts(parts, self.info.fingerprint, options.max_tracks)

    def _taken(
        self, state: SgmgState, frame: Frame, options: SessionOptions, pause: Pause | None
    ) -> tuple[list[FrameResult], SgmgState]:
        """Return the state with one more frame that waits, and results of those before it.

        There are some where it is of another size: it cannot share their chunk.
        """
        small, before = picture(frame, self.config.online.min_size), list[FrameResult]()
        if state.pending and state.pending[0].picture.shape != small.shape:
            ((before, state),) = self._answers([state], pause)
        return before, waiting(state, Pending(small, _size(frame), options))

    def _is_full(self, state: SgmgState) -> bool:
        return len(state.pending) == self.config.online.chunk_frames

    def _answers(
        self, states: Sequence[SgmgState], pause: Pause | None
    ) -> list[tuple[list[FrameResult], SgmgState]]:
        """Return of each session the final results of all frames that wait, and the state after.

        Chunks of one length and size are looked at together.
        """
        alike: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for row, state in enumerate(states):
            shape = state.pending[0].picture.shape
            alike.setdefault((len(state.pending), shape), []).append(row)
        answers: dict[int, tuple[list[FrameResult], SgmgState]] = {}
        for (length, _), rows in alike.items():
            pictures = [each.picture for row in rows for each in states[row].pending]
            size, stack = _size(pictures[0]), images(pictures, self.device)
            seen = self.network.look(stack, size, len(rows), pause)
            for place, row in enumerate(rows):
                clip = seen.frames(list(range(place * length, (place + 1) * length)))
                answers[row] = self._answered(states[row], clip, pause)
        return [answers[row] for row in range(len(states))]

    def _answered(
        self, state: SgmgState, clip: ClipFeatures, pause: Pause | None
    ) -> tuple[list[FrameResult], SgmgState]:
        """Return final results of all frames that wait, and the state after them."""
        found = self._found(clip, state.pending, pause)
        results, memory = list[FrameResult](), state.memory
        for pending, texts in zip(state.pending, found, strict=True):
            rows, memory, refused = follow(memory, texts, pending.options.max_tracks)
            results.append(result(memory.num_frames, pending, clip.padded, rows, refused))
        return results, SgmgState(memory)

    def _found(
        self, clip: ClipFeatures, pending: Sequence[Pending], pause: Pause | None
    ) -> list[list[Found]]:
        """Return what each text of a frame names on it, for each of the frames.

        A text is looked for on the frames that ask for it: where texts change within a chunk, it is
        judged on its own frames alone.
        """
        asking: dict[Prompt, list[int]] = {}
        for row, each in enumerate(pending):
            for prompt in each.options.prompts:
                asking.setdefault(prompt, []).append(row)
        found: list[list[Found]] = [[] for _ in pending]
        for prompt, rows in asking.items():
            text = self._text(prompt.text)
            referred = self.network.refer(clip.frames(rows), text, pause)
            for place, row in enumerate(rows):
                found[row].append(_found_on(referred, place, prompt, clip.resized))
        return found

    def _check(self, options: SessionOptions) -> None:
        """Raise PromptError where there are no texts, or one is too long."""
        check_prompts(self.info, options)
        most = self.config.network.text.max_tokens
        for prompt in options.prompts:
            count = len(self._tokenizer(prompt.text))
            if count > most:
                raise PromptError(f"a prompt has {count} tokens; {most} are the most")

    def _read(self, text: str) -> TextFeatures:
        tokens = torch.tensor(self._tokenizer(text), device=self.device)
        return self.network.read(tokens)


def _found_on(referred: Referred, place: int, prompt: Prompt, resized: tuple[int, int]) -> Found:
    logits = referred.mask_logits[place].float().cpu()
    visible = bool((logits[: resized[0], : resized[1]] > 0).any())
    return Found(prompt.class_id, referred.score, logits, visible)


def _size(frame: Frame) -> tuple[int, int]:
    return frame.shape[0], frame.shape[1]
