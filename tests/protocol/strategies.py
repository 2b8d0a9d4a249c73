"""Hypothesis strategies for the values of the protocol."""

from typing import get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskstream_protocol import messages, notices
from maskstream_protocol.fields import U16_MAX, U32_MAX, U64_MAX
from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.messages import Hello, Resume
from maskstream_protocol.prompts import MAX_PROMPT_CHARACTERS, MAX_PROMPTS

u8 = st.integers(0, 255)
u16 = st.integers(0, U16_MAX)
u32 = st.integers(0, U32_MAX)
u64 = st.integers(0, U64_MAX)
i64 = st.integers(-(2**63), 2**63 - 1)
positive = st.integers(1, U64_MAX)
epochs = st.integers(1, U32_MAX)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)

prompts = st.lists(
    st.text(min_size=1, max_size=MAX_PROMPT_CHARACTERS).map(str.strip).filter(bool),
    min_size=1,
    max_size=MAX_PROMPTS,
    unique=True,
).map(tuple)

frames = st.builds(
    FrameMessage,
    sequence=u64,
    epoch=u32,
    codec=u8,
    payload=st.binary(max_size=40),
    pts_us=i64,
    width=u16,
    height=u16,
    orientation=u8,
    last=st.booleans(),
    key_frame=st.booleans(),
    decoder_only=st.booleans(),
)

hellos = st.builds(
    Hello,
    model=st.none() | st.text(),
    policy=st.sampled_from(get_args(messages.Policy)),
    codecs=st.lists(st.text(), max_size=4).map(tuple),
    masks=st.sampled_from(messages.MASK_FORMATS),
    mask_scale=st.sampled_from(messages.MASK_SCALES),
    min_score=st.none() | st.floats(0, 1),
    width=st.none() | st.integers(1, U16_MAX),
    height=st.none() | st.integers(1, U16_MAX),
    fps=st.none() | st.floats(0, 1e6),
    resume=st.none() | st.builds(Resume, token=st.text(), last_sequence=u64),
    classes=st.none() | st.lists(st.text(), max_size=4).map(tuple),
    prompts=st.none() | prompts,
    provisional=st.booleans(),
)
client_messages = st.one_of(
    hellos,
    st.builds(messages.Ack, sequence=u64),
    st.builds(messages.Flush, id=json_values),
    st.builds(messages.Reset),
    st.builds(messages.Prompts, prompts=prompts),
    st.builds(messages.Ping, id=json_values),
    st.builds(messages.Bye),
)

models = st.builds(
    notices.ModelInfo,
    name=st.text(),
    task=st.text(),
    fingerprint=st.text(),
    classes_url=st.text(),
    lookahead=u64,
)
prompt_infos = st.lists(
    st.builds(
        notices.PromptInfo,
        text=st.text(),
        class_id=u16,
        track_ids=st.lists(st.integers(1, U32_MAX), max_size=4).map(tuple),
    ),
    max_size=3,
).map(tuple)
welcomes = st.builds(
    notices.Welcome,
    session=st.text(),
    epoch=epochs,
    resumed=st.booleans(),
    next_sequence=positive,
    credit=st.builds(notices.FrameCredit, frames=u64, bytes=u64),
    heartbeat_ms=u64,
    idle_ms=u64,
    resume_token=st.text(),
    resume_ttl_ms=u64,
    model=models,
    limits=st.builds(notices.Limits, frame_bytes=u64, frame_pixels=u64, tracks=u64),
    features=st.lists(st.text(), max_size=5).map(tuple),
    prompts=st.none() | prompt_infos,
)
server_messages = st.one_of(
    welcomes,
    st.builds(notices.Watching, session=st.text(), epoch=epochs, sequence=u64, model=models),
    st.builds(
        notices.ResetNotice,
        epoch=epochs,
        reason=st.sampled_from(get_args(notices.ResetReason)),
        next_sequence=positive,
    ),
    st.builds(notices.Credit, frames=u64, bytes=u64, durable_sequence=u64),
    st.builds(
        notices.Drop,
        first=positive,
        last=positive,
        reason=st.sampled_from(get_args(notices.DropReason)),
    ),
    st.builds(notices.GoAway, in_ms=u64, reason=st.text()),
    st.builds(notices.Flushed, id=json_values, sequence=u64),
    st.builds(notices.Prompted, from_sequence=positive, prompts=prompt_infos),
    st.builds(notices.Pong, id=json_values),
    st.builds(
        notices.ErrorMessage,
        code=st.text(),
        message=st.text(),
        retry=st.booleans(),
        sequence=st.none() | u64,
        fatal=st.booleans(),
        retry_after_ms=st.none() | u64,
        expected=st.none() | u64,
    ),
    st.builds(notices.StoreBack),
)

mask_sizes = st.tuples(st.integers(1, 14), st.integers(1, 14))


@st.composite
def mask_stacks(draw, max_masks=4):
    """(N, h, w) boolean masks of one size, empty and full ones among them."""
    height, width = draw(mask_sizes)
    shape = (draw(st.integers(0, max_masks)), height, width)
    return draw(hnp.arrays(np.bool_, shape))
