"""Laws of the session under any order of events: every frame has one answer, in order."""

from hypothesis import given
from hypothesis import strategies as st

from maskstream_protocol.errors import FrameUndecodableError, InternalError
from maskstream_server.session.actions import Decode, Encode, StepModel
from support.conversation import Conversation, frame
from support.examples import examples

CREDIT = 8

# What may happen next: a frame, a piece of work (and which), a commit, a request, a bad message.
EVENTS = st.lists(
    st.one_of(
        st.sampled_from(["frame", "frame", "commit", "reset", "flush", "stale", "codec"]),
        st.tuples(st.sampled_from(["do", "do", "do", "fail"]), st.integers(0, 7)),
    ),
    min_size=40,
    max_size=120,
)


class World:
    """A client that keeps to its credit, and a shell that works in any order."""

    def __init__(self, policy: str) -> None:
        self.talk = Conversation.begin(policy=policy)
        self.sent = 0
        self.credit = CREDIT

    @property
    def epoch(self) -> int:
        resets = self.talk.of("reset")
        return resets[-1]["epoch"] if resets else 1

    def happen(self, event: str | tuple[str, int]) -> None:
        talk = self.talk
        if talk.closed is not None:
            return
        match event:
            case "frame" | "codec":
                self.send(9 if event == "codec" else 0)
            case "stale":
                talk.binary(frame(self.sent + 1, epoch=self.epoch + 500))
            case "reset" | "flush":
                talk.text(type=event)
            case "commit":
                talk.commit()
            case (what, which):
                self.work(what, which)

    def send(self, codec: int) -> None:
        paid = sum(credit["frames"] for credit in self.talk.of("credit"))
        if self.sent - paid >= CREDIT:
            return
        before = len(self.talk.error_codes)
        self.talk.binary(frame(self.sent + 1, epoch=self.epoch, codec=codec))
        if "stale_epoch" not in self.talk.error_codes[before:]:
            self.sent += 1

    def work(self, what: str, which: int) -> None:
        talk = self.talk
        if not talk.work:
            return
        talk.work.append(talk.work.pop(which % len(talk.work)))
        if what == "do":
            talk.work.insert(0, talk.work.pop())
            talk.step()
            return
        match talk.work.pop():
            case Decode(message):
                failure = FrameUndecodableError("broken")
                talk.take(talk.session.failed(message.sequence, failure))
            case StepModel(sequence):
                talk.take(talk.session.failed(sequence, InternalError("logged")))
            case Encode(message):
                talk.take(talk.session.failed(message.sequence, InternalError("logged")))


def dropped(talk: Conversation) -> list[int]:
    return [n for drop in talk.of("drop") for n in range(drop["first"], drop["last"] + 1)]


@examples(150)
@given(st.sampled_from(["lossless", "latest"]), EVENTS)
def test_every_frame_has_one_answer_in_order_and_all_credit_comes_back(policy, events):
    world = World(policy)
    for event in events:
        world.happen(event)
        working = [type(action) for action in world.talk.work]
        assert working.count(StepModel) <= 1
    talk = world.talk
    if talk.closed is not None:
        assert talk.closed in (1011, 4422)
        return
    talk.run()

    sequences = [result.sequence for result in talk.results]
    assert sequences == sorted(sequences)
    assert sorted(sequences + dropped(talk)) == list(range(1, world.sent + 1))
    assert sum(result.dropped for result in talk.results) == sum(
        number < max(sequences, default=0) for number in dropped(talk)
    )
    assert sum(credit["frames"] for credit in talk.of("credit")) == world.sent
    durable = [credit["durable_sequence"] for credit in talk.of("credit")]
    assert durable == sorted(durable)
    assert durable[-1:] == [world.sent] * bool(world.sent)
    assert len(talk.of("flushed")) <= events.count("flush")
    memory: dict[int, int] = {}
    for result in talk.results:
        assert talk.origins[result.sequence] == memory.get(result.epoch), "the chain of states"
        memory[result.epoch] = result.sequence
    epochs = [result.epoch for result in talk.results]
    assert epochs == sorted(epochs)
    assert [result.first_of_epoch for result in talk.results] == [
        epoch not in epochs[:position] for position, epoch in enumerate(epochs)
    ]


@examples(100)
@given(st.sampled_from(["lossless", "latest"]), EVENTS)
def test_commits_only_ever_grow_and_carry_every_result_once(policy, events):
    world = World(policy)
    saves = []
    for event in events:
        world.happen(event)
        saves += [save for save in world.talk.saves if save not in saves]
    stamps = [(save.epoch, save.sequence) for save in saves]
    assert stamps == sorted(set(stamps))
    kept = [sequence for save in saves for sequence, _ in save.results]
    assert kept == [result.sequence for result in world.talk.results]
