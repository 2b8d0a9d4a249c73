"""From texts to ids of tokens: the byte-level BPE of roberta-base, from files in a folder.

`tokenizers` is imported where a folder is read: it is the extra `sgmg`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from maskstream_model.errors import CheckpointError, ConfigError

BEGIN, END = 0, 2
"""Ids of the tokens before and after each text."""
WHOLE, SPLIT = ("tokenizer.json",), ("vocab.json", "merges.txt")
"""The files, in either form."""
SUBFOLDER = "roberta-base"

Tokenizer = Callable[[str], list[int]]
"""From a text to its ids, with those of its begin and end."""


def tokenizer_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of a tokenizer in a folder, or in its `roberta-base`; or none."""
    for place in (folder, folder / SUBFOLDER):
        for names in (WHOLE, SPLIT):
            files = tuple(place / name for name in names)
            if all(file.is_file() for file in files):
                return files
    return ()


def read_tokenizer(folder: Path, vocabulary: int) -> Tokenizer:
    """Return the tokenizer whose files are in a folder.

    Args:
        folder: with `tokenizer.json`, or `vocab.json` and `merges.txt`; see `tokenizer_files`.
        vocabulary: how many tokens the model has.

    Raises:
        CheckpointError: no such files, damaged ones, or those of another vocabulary.
        ConfigError: the extra is not installed.
    """
    files = tokenizer_files(folder)
    if not files:
        raise CheckpointError(
            f"{folder} has no tokenizer: put tokenizer.json, or vocab.json and merges.txt, of "
            f"{SUBFOLDER} there, or into a folder {SUBFOLDER} in it"
        )
    try:
        tokenizer = _opened(files)
    except ImportError:
        raise ConfigError("texts need the extra: pip install 'maskstream[sgmg]'") from None
    except Exception as error:  # The library raises bare Exceptions.
        raise CheckpointError(f"{files[0]} is no tokenizer, or is damaged: {error}") from None
    marks = [tokenizer.token_to_id(mark) for mark in ("<s>", "</s>")]
    size = tokenizer.get_vocab_size()
    if marks != [BEGIN, END] or size > vocabulary:
        raise CheckpointError(f"{files[0]} is of another model: {size} tokens, marks {marks}")

    def ids(text: str) -> list[int]:
        return [BEGIN, *tokenizer.encode(text, add_special_tokens=False).ids, END]

    return ids


def _opened(files: tuple[Path, ...]) -> Any:
    from tokenizers import Tokenizer as Library
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel

    if len(files) == 1:
        tokenizer = Library.from_file(str(files[0]))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer
    tokenizer = Library(BPE.from_file(*map(str, files)))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    return tokenizer
