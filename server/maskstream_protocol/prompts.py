"""Texts that name what to segment (docs/protocol.md 10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_PROMPTS: Final = 16
MAX_PROMPT_CHARACTERS: Final = 256
PROMPTS_RULE: Final = f"1 to {MAX_PROMPTS} texts of 1 to {MAX_PROMPT_CHARACTERS} characters"


def trimmed_prompts(prompts: Sequence[str]) -> tuple[str, ...]:
    """Prompts without the blanks around them, each once.

    Raises:
        ValueError: too few, too many, an empty one or one that is too long.
    """
    if not 1 <= len(prompts) <= MAX_PROMPTS:
        raise ValueError(f"Prompts are {PROMPTS_RULE}, not {len(prompts)} texts.")
    trimmed = tuple(dict.fromkeys(prompt.strip() for prompt in prompts))
    for prompt in trimmed:
        if not 1 <= len(prompt) <= MAX_PROMPT_CHARACTERS:
            raise ValueError(f"Prompts are {PROMPTS_RULE}; one has {len(prompt)}.")
    return trimmed
