"""SgMg behind the port: frames wait until a chunk is full, then each text is looked for (13.6).

Texts share what does not depend on them; each is looked for alone, so that what one finds does not
change with the others. Sessions are stepped one after the other for the same reason.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from maskstream_model.aliases import Frame, Pause
from maskstream_model.errors import PromptError
from maskstream_model.frame_by_frame import NO_OPTIONS, check_prompts
from maskstream_model.network_model import model_info
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
        return [self._step(given, pause) for given in batch]

    @torch.no_grad()
    def flush(
        self,
        state: SgmgState,
        options: SessionOptions = NO_OPTIONS,
        pause: Pause | None = None,
    ) -> StepOutput[SgmgState]:
        """Answer the frames that wait as a chunk of their own; the next one begins after them."""
        return StepOutput(*self._answered(state, pause))

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

    def _step(self, given: StepInput[SgmgState], pause: Pause | None) -> StepOutput[SgmgState]:
        results, state = list[FrameResult](), given.state
        for frame in given.frames:
            small = picture(frame, self.config.online.min_size)
            if state.pending and state.pending[0].picture.shape != small.shape:
                # Frames of another size cannot share a chunk.
                finals, state = self._answered(state, pause)
                results += finals
            state = waiting(state, Pending(small, _size(frame), given.options))
            if len(state.pending) == self.config.online.chunk_frames:
                finals, state = self._answered(state, pause)
                results += finals
        return StepOutput(results, state)

    def _answered(
        self, state: SgmgState, pause: Pause | None
    ) -> tuple[list[FrameResult], SgmgState]:
        """Return final results of all frames that wait, and the state after them."""
        if not state.pending:
            return [], state
        pictures = [each.picture for each in state.pending]
        clip = self.network.look(images(pictures, self.device), _size(pictures[0]), pause)
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
