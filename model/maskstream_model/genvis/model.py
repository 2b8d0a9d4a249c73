"""GenVIS behind the port: frames in, and clip by clip tracks and memory out (docs/model.md 15).

Sessions that step together share the batches of both networks. An online model answers each frame
at once; a semi-online one, whose clips have several frames, when a clip is full.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from maskstream_model.aliases import Frame, Pause, Size
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.graph import CompiledNetwork
from maskstream_model.frame_by_frame import NO_OPTIONS, AnswersAtOnce
from maskstream_model.genvis.clips import ClipModule
from maskstream_model.genvis.config import GenvisConfig
from maskstream_model.genvis.frames import FrameEncoder
from maskstream_model.genvis.state import GenvisState, WaitingFrame, initial_state
from maskstream_model.genvis.state_parts import state_from_parts, state_to_parts
from maskstream_model.genvis.tracks import SlotReadout, follow
from maskstream_model.network_model import info_on, model_info
from maskstream_model.port import FrameResult, SessionOptions, StepInput, StepOutput
from maskstream_model.query_tracking import clip_frames
from maskstream_model.tasks.preprocess import padded_size, prepare, resized_size

Clip = tuple[WaitingFrame, ...]


class GenvisModel(AnswersAtOnce[GenvisState]):
    """One model that serves any number of sessions; implements `port.Model`.

    Attributes:
        config: preset, with overrides applied.
        encoder: of frames, eager or compiled.
        clips: the module of clips.
        device: where networks and floats of states live.
        fingerprint: hex text of weights and rules; a state carries it.
    """

    family = "genvis"
    encoder: FrameEncoder | CompiledNetwork

    def __init__(
        self,
        config: GenvisConfig,
        encoder: FrameEncoder,
        clips: ClipModule,
        device: torch.device,
        fingerprint: str,
    ) -> None:
        self.config = config
        self.encoder = encoder.to(device).eval()
        self.clips = clips.to(device).eval()
        self.device = device
        self.fingerprint = fingerprint
        lookahead = config.online.clip_frames - 1
        self.info = model_info(config, self.family, fingerprint, lookahead)

    def use(self, network: FrameEncoder | CompiledNetwork, execution: Execution) -> None:
        """See `backends.graph.RunsNetwork`."""
        self.info = info_on(self.info, execution)
        self.fingerprint = self.info.fingerprint
        self.encoder = network

    def first_state(self) -> GenvisState:
        """Return the state of a session before its first frame."""
        return initial_state(self.config, self.clips.first_queries())

    def batch_key(self, height: int, width: int) -> Size:
        """See `port.Model`: the size of such a frame in the network."""
        online = self.config.online
        return padded_size(*resized_size(height, width, online.min_size, online.max_size))

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """See `port.Model`: whole clips, or equal parts of one."""
        own = self.config.online.clip_frames
        most = clip_frames(self.device, self.batch_key(height, width), most)
        return max(n for n in range(1, most + 1) if n % own == 0 or own % n == 0)

    # no_grad rather than inference_mode: training needs ordinary tensors as results.
    @torch.no_grad()
    def step(
        self, batch: Sequence[StepInput[GenvisState]], pause: Pause | None = None
    ) -> list[StepOutput[GenvisState]]:
        """See `port.Model`; frames that wait for their clip have provisional results."""
        encoded = self._encode(batch, pause)
        waiting = [given.state.waiting + new for given, new in zip(batch, encoded, strict=True)]
        states = [given.state for given in batch]
        results: list[list[FrameResult]] = [[] for _ in batch]
        count = self.config.online.clip_frames
        while full := [n for n, frames in enumerate(waiting) if len(frames) >= count]:
            clips = [waiting[n][:count] for n in full]
            answers = self._answer(clips, [states[n] for n in full], pause)
            for n, (found, state) in zip(full, answers, strict=True):
                results[n] += found
                states[n], waiting[n] = state, waiting[n][count:]
        for n, (frames, new) in enumerate(zip(waiting, encoded, strict=True)):
            if frames:
                ((early, _),) = self._answer([frames], [states[n]], pause)
                results[n] += [replace(each, final=False) for each in early[-len(new) :]]
            known = max(0, len(frames) - len(new))
            copies = (frame.copy() for frame in frames[known:])
            states[n] = replace(states[n], waiting=(*frames[:known], *copies))
        return [StepOutput(*pair) for pair in zip(results, states, strict=True)]

    @torch.no_grad()
    def flush(
        self,
        state: GenvisState,
        options: SessionOptions = NO_OPTIONS,
        pause: Pause | None = None,
    ) -> StepOutput[GenvisState]:
        """See `port.Model`: the frames that wait are a clip of their own."""
        if not state.waiting:
            return StepOutput([], state)
        ((results, after),) = self._answer([state.waiting], [state], pause)
        return StepOutput(results, replace(after, waiting=()))

    def to_parts(self, state: GenvisState) -> dict[str, bytes]:
        """See `port.Model` and `state_parts`."""
        return state_to_parts(state, self.config, self.fingerprint)

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> GenvisState:
        """See `port.Model` and `state_parts`."""
        return state_from_parts(
            parts, self.config, self.fingerprint, self.device, options.max_tracks
        )

    def _encode(self, batch: Sequence[StepInput[GenvisState]], pause: Pause | None) -> list[Clip]:
        """Return the new frames of each session, encoded together."""
        frames: list[Frame] = [frame for given in batch for frame in given.frames]
        prepared = prepare(frames, self.config.online, self.device)
        encoded = self.encoder(prepared.images, pause)
        rows = iter(zip(encoded.queries, encoded.mask_features, prepared.resized, strict=True))
        return [
            tuple(
                WaitingFrame(
                    queries,
                    features,
                    (frame.shape[0], frame.shape[1]),
                    resized,
                    given.options.max_tracks,
                )
                for frame, (queries, features, resized) in zip(given.frames, rows, strict=False)
            )
            for given in batch
        ]

    def _answer(
        self, clips: Sequence[Clip], states: Sequence[GenvisState], pause: Pause | None
    ) -> list[tuple[list[FrameResult], GenvisState]]:
        """Read one clip of each of some sessions; all clips have as many frames.

        Returns:
            the final results of each clip's frames, and the memory after it.
        """
        frame_queries = torch.stack(
            [torch.stack([each.queries for each in clip]) for clip in clips]
        )
        recalled = [self.clips.recall(state.queries, state.past()) for state in states]
        output = self.clips(frame_queries, torch.stack(recalled))
        probabilities = output.logits.softmax(-1)[..., :-1]
        answers = []
        for row, (clip, state) in enumerate(zip(clips, states, strict=True)):
            said = SlotReadout(probabilities[row], output.mask_embeddings[row])
            results, after = [], state
            for frame in clip:
                result, after = follow(said, frame, after, self.config)
                results.append(result)
            after = replace(
                after,
                queries=output.queries[row].clone(),
                prototypes=state.remembered(output.prototypes[row], self.config.online),
                num_steps=state.num_steps + 1,
            )
            answers.append((results, after))
        if pause is not None:
            pause()
        return answers
