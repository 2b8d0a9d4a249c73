"""The folder of pulled weights, and which weights a preset is loaded with."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from maskstream_model.errors import CheckpointError
from maskstream_model.families import Weights, release_of
from maskstream_model.user_cache import user_cache

VARIABLE = "MASKSTREAM_WEIGHTS_DIR"
AUTO = "auto"
"""In place of a weight file: the cached one, pulled first if it is missing."""


def cache_folder(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return where pulled weights are kept; it may not exist yet.

    `MASKSTREAM_WEIGHTS_DIR`, or else `maskstream/weights` in the user's cache folder.
    """
    named = environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return user_cache(environ, platform) / "maskstream" / "weights"


def cached_file(preset: str, folder: Path) -> Path:
    """Return where the pulled weights of a preset are, or would be."""
    return folder / f"{preset}.safetensors"


def weights_for(preset: str, weights: Weights | None) -> Weights | None:
    """Return what a family is asked to load.

    Args:
        preset: which model.
        weights: a file, or a word that the family knows: returned as it is. None: those of the
            cache. "auto": the same, pulled first if they are missing.

    Returns:
        None where nothing is published for the preset: its weights are shipped, or there are none.

    Raises:
        CheckpointError: they are not in the cache, and `weights` is None.
        ConfigError: an unknown preset.
        MaskstreamModelError: as of `pull`.
    """
    if weights not in (None, AUTO):
        return weights
    release = release_of(preset)
    if release is None:
        return None
    path = cached_file(preset, cache_folder())
    if path.is_file():
        return path
    if weights == AUTO:
        return _pulled(preset)
    if release.by_hand:
        raise CheckpointError(
            f"there are no weights of {preset} on this machine yet: download them by hand, then "
            f"`maskstream weights pull {preset} --from FILE`; --weights FILE names a file"
        )
    raise CheckpointError(
        f"there are no weights of {preset} on this machine yet: run `maskstream weights pull "
        f"{preset}`, or let them be pulled by --weights auto; --weights FILE names a file"
    )


def _pulled(preset: str) -> Path:
    from maskstream_model.weightfiles.pull import pull
    from maskstream_model.weightfiles.terminal import Terminal

    with Terminal(agrees=True) as terminal:
        return pull(preset, terminal).path
