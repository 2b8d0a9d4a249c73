"""A session in conversation with a model behind the port, without a server."""

from dataclasses import dataclass, field

import numpy as np

from maskstream_model.errors import PromptError
from maskstream_model.port import Model, SessionOptions, StepInput
from maskstream_protocol.errors import BadMessageError
from maskstream_protocol.frames import FrameMessage
from maskstream_server.events.rules import EventRules
from maskstream_server.session.memory import Beginning, SessionMemory, read_memory
from maskstream_server.session.prompts import NO_PROMPTS, SessionPrompts
from maskstream_server.session.reporting import ResultOptions, StepReport, StepReporter
from maskstream_server.session.session import Session
from support.conversation import Conversation, terms

FINGERPRINT = "stand-in"
WANTED = ResultOptions(mask_scale=None)


@dataclass
class ModelTalk(Conversation):
    """A conversation whose frames are stepped by `stepping`; what it wants of results is `wanted`.

    Work is done frame by frame: a model that is late leaves frames without a result.
    """

    stepping: Model | None = None
    wanted: ResultOptions = WANTED
    given: list[StepInput] = field(default_factory=list)

    @classmethod
    def stepped_by(
        cls,
        model: Model,
        beginning: Beginning | None = None,
        prompts: SessionPrompts = NO_PROMPTS,
        wanted: ResultOptions = WANTED,
        **changes,
    ) -> "ModelTalk":
        begun = beginning or Beginning(SessionMemory(fingerprint=FINGERPRINT, prompts=prompts))
        info = model.info
        facts = {"takes_prompts": info.prompts != "never", "lookahead": info.lookahead or 0}
        agreed = terms(**facts | changes)
        rules = begun.rules
        return cls(Session(agreed, begun), stepping=model, wanted=wanted, rules=rules)

    def resumed(self, **changes) -> "ModelTalk":
        """The same session on a new connection, from what was committed last."""
        save = self.committed[-1]
        memory = read_memory(save.epoch, save.sequence, save.parts, FINGERPRINT)
        state = self.stepping.from_parts(memory.model_parts) if memory.model_parts else None
        index = self.stepping.committed(state) if memory.model_parts else 0
        kept = tuple(sequence for each in self.committed for sequence, _ in each.results)
        rules = EventRules.of(memory.rules, self.stepping.info, fps=memory.fps)
        begun = Beginning(memory, state, index, kept, rules)
        return ModelTalk.stepped_by(self.stepping, begun, wanted=self.wanted, **changes)

    def picture(self, message: FrameMessage) -> np.ndarray:
        """A picture whose red is bright; green too on every third frame."""
        pixels = np.zeros((4, 6, 3), np.uint8)
        pixels[1:3, 1:3, 0] = 200
        pixels[0, :2, 1] = 200 * (message.sequence % 3 == 0)
        return pixels

    def check(self, prompts: SessionPrompts) -> BadMessageError | None:
        try:
            self.stepping.begin(SessionOptions(prompts.for_model()))
        except PromptError as error:
            return BadMessageError(f"The model refuses the prompts: {error}.")
        return None

    def model(
        self, sequence: int | None, step: StepInput, mentioned: frozenset[int], committed: int
    ) -> StepReport:
        given = StepInput(
            step.frames,
            self.stepping.begin(step.options) if step.state is None else step.state,
            step.options,
            step.skipped,
        )
        self.given.append(given)
        if step.frames:
            (output,) = self.stepping.step([given])
        else:
            output = self.stepping.flush(given.state, given.options)
        read = StepReporter(self.stepping, self.wanted, mentioned, committed)
        return read(output, lambda: None)
