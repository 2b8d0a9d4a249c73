"""From a released checkpoint to a file of ours: safetensors, with preset and fingerprint."""

from pathlib import Path

from maskstream_model.checkpoint import PRESET, save_safetensors
from maskstream_model.errors import CheckpointError
from maskstream_model.weightfiles.fitting import names_of
from maskstream_model.weightfiles.inspection import FINGERPRINT, inspect

SUFFIX = ".safetensors"


def convert(path: Path, out: Path, name: str | None = None) -> tuple[str, str]:
    """Write the weights of `path` to `out`, whole or not at all.

    Args:
        path: `.pth` or `.safetensors`; halves become float32, as they do when loaded.
        out: ends in `.safetensors`; replaced when it exists.
        name: the preset it is for; needed where names and shapes fit more than one.

    Returns:
        the preset, and the fingerprint of the model that will load the file.

    Raises:
        CheckpointError: `path` cannot be read or used, or it is not clear for which preset; `out`
            has another ending or cannot be written.
        ConfigError: an unknown preset, or one that has no weight files.
    """
    if out.suffix != SUFFIX:
        raise CheckpointError(f"{out} must end in {SUFFIX}")
    inspection = inspect(path, name)
    inspection.check()
    if len(inspection.exact) > 1:
        names = names_of(inspection.exact)
        raise CheckpointError(f"{path} fits {names} alike: name the one it is for with --preset")
    (fit,) = inspection.exact
    digest = fit.format.fingerprint(fit.preset, fit.weights)
    metadata = {PRESET: fit.preset, FINGERPRINT: digest, "source": path.name}
    try:
        save_safetensors(out, fit.weights, {**inspection.metadata, **metadata})
    except OSError as error:
        raise CheckpointError(f"{out} cannot be written: {error.strerror or error}") from error
    return fit.preset, digest
