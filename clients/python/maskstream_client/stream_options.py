"""Options of a stream, and of its reconnecting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from maskstream_client.pictures import PictureCodec
from maskstream_protocol.messages import MaskFormat, Policy
from maskstream_protocol.prompts import trimmed_prompts
from maskstream_protocol.rules import Rule, check_rules


@dataclass(frozen=True)
class RetryRules:
    """When a lost connection is made again.

    Attributes:
        first_delay_s: pause after all servers were tried once; it doubles with each one after.
        max_delay_s: longest pause.
        give_up_after_s: how long to try without hearing a new result; 0 never tries.
        dead_after_s: a server that gives no sign of life for so long is given up.
    """

    first_delay_s: float = 0.25
    max_delay_s: float = 5.0
    give_up_after_s: float = 60.0
    dead_after_s: float = 15.0

    def delay_s(self, num_rounds: int) -> float:
        """Pause before an attempt, after so many rounds of all servers."""
        if num_rounds == 0:
            return 0.0
        # Beyond 2^16 every pause is the longest one.
        return min(self.first_delay_s * 2.0 ** min(num_rounds - 1, 16), self.max_delay_s)


@dataclass(frozen=True)
class StreamOptions:
    """Options of one stream (docs/protocol.md 1).

    Attributes:
        model: its name; None is the server's default.
        policy: `lossless` answers every frame, `latest` only the newest.
        masks: mask encoding.
        mask_scale: 1, 0.5 or 0.25.
        min_score: 0 to 1; None is the model's own.
        classes: names of the only classes to mention; None: all.
        prompts: texts that name objects to segment, for models that take them.
        rules: make events of results (docs/events.md); `read_rules` has them from JSON.
        webhook: address that the events are sent to, too; its host must be allowed.
        provisional: of a model that answers late, get a preliminary result of each frame too.
        picture: how arrays are encoded: jpeg, png, webp or rgb24.
        quality: of jpeg and webp, 1 to 100.
        max_in_flight: frames sent ahead of their results (the server's credit bounds it too),
            beside those that a late model waits for.
        resume_token: continues a session that another client left.
        retry: see `RetryRules`.
    """

    model: str | None = None
    policy: Policy = "lossless"
    masks: MaskFormat = "rle"
    mask_scale: float = 1.0
    min_score: float | None = None
    classes: Sequence[str] | None = None
    prompts: Sequence[str] | None = None
    rules: Sequence[Rule] | None = None
    webhook: str | None = None
    provisional: bool = False
    picture: PictureCodec = "jpeg"
    quality: int = 90
    max_in_flight: int = 4
    resume_token: str | None = field(default=None, repr=False)
    retry: RetryRules = field(default_factory=RetryRules)

    def __post_init__(self) -> None:
        if self.max_in_flight < 1:
            raise ValueError(f"max_in_flight must be at least 1, not {self.max_in_flight}.")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality must be 1 to 100, not {self.quality}.")
        check_texts(self.classes, self.prompts)
        check_rules(self.rules or ())


def check_texts(classes: Sequence[str] | None, prompts: Sequence[str] | None) -> None:
    """Check what is asked for.

    Raises:
        ValueError: one text in place of a list, or prompts that no server takes.
    """
    if isinstance(classes, str) or isinstance(prompts, str):
        raise ValueError("classes and prompts are lists of texts, not one text.")
    if prompts is not None:
        trimmed_prompts(prompts)


class StreamFields(TypedDict, total=False):
    """The fields of `StreamOptions` as keyword arguments."""

    model: str | None
    policy: Policy
    masks: MaskFormat
    mask_scale: float
    min_score: float | None
    classes: Sequence[str] | None
    prompts: Sequence[str] | None
    rules: Sequence[Rule] | None
    webhook: str | None
    provisional: bool
    picture: PictureCodec
    quality: int
    max_in_flight: int
    resume_token: str | None
    retry: RetryRules
