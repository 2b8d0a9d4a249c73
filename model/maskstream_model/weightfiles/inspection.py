"""What a weight file holds: which preset it is for, or why it is for none."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile, is_zipfile

from torch import Tensor

from maskstream_model.checkpoint import PRESET, header_of, listed, load_weights
from maskstream_model.errors import CheckpointError, ConfigError
from maskstream_model.families import preset_names
from maskstream_model.weightfiles.fitting import Fit, fits, format_of

FINGERPRINT = "fingerprint"


@dataclass(frozen=True)
class Inspection:
    """A weight file that was read.

    Attributes:
        path: of the file.
        weights: its tensors by name.
        metadata: of its header, by name; empty for a `.pth`.
        fits: the presets that it was compared with, the best first.
        asked: the only preset that it was compared with; None: all.
    """

    path: Path
    weights: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    fits: list[Fit]
    asked: str | None = None

    @property
    def exact(self) -> list[Fit]:
        """The presets that it fits; only the one that the file names, if it does."""
        exact = [fit for fit in self.fits if not fit.misfits.count]
        return [fit for fit in exact if fit.preset == self.metadata.get(PRESET)] or exact

    def check(self) -> None:
        """Make sure that the file can be used.

        Raises:
            CheckpointError: it fits no preset, holds values that are no finite numbers, or was
                changed since it was converted.
        """
        if not self.exact:
            raise CheckpointError(self._why_not())
        broken = [
            name for name, tensor in self.weights.items() if not bool(tensor.isfinite().all())
        ]
        if broken:
            raise CheckpointError(f"{self.path} holds infinite numbers or NaN: {listed(broken)}")
        self._check_header()

    def _check_header(self) -> None:
        """Hold what a conversion wrote into the header against preset and weights."""
        recorded, name = self.metadata.get(FINGERPRINT), self.metadata.get(PRESET)
        if recorded is None or name is None:
            return
        fit = next((fit for fit in self.exact if fit.preset == name), None)
        if fit is None:
            raise CheckpointError(f"{self.path} was converted for {name}")
        if recorded != fit.format.fingerprint(name, fit.weights):
            raise CheckpointError(
                f"{self.path} does not have the fingerprint in its header: it was changed since it "
                "was converted, or the rules of its preset were"
            )

    def _why_not(self) -> str:
        tried = self.asked or "any preset"
        if not self.fits or not self.fits[0].misfits.num_matching:
            return f"{self.path} does not fit {tried}: not one of its tensors does"
        reason = self.fits[0].format.hint(self.weights) if self.asked is None else None
        return f"{self.path} does not fit {tried}" + (f": {reason}" if reason else "")


def inspect(path: Path, name: str | None = None) -> Inspection:
    """Read a weight file and hold it against presets.

    Args:
        path: `.pth` or `.safetensors`.
        name: the only preset to try; all of them where left out.

    Raises:
        CheckpointError: no such file, not one of these, or nothing in it.
        ConfigError: an unknown preset, or one that has no weight files.
    """
    if name is not None:
        format_of(name)  # Before a large file is read.
    weights = load_weights(path)
    if not weights:
        raise CheckpointError(f"{path} holds no weights")
    _check_sums(path)
    header = header_of(path)
    return Inspection(path, weights, header, _compared(weights, name, header.get(PRESET)), name)


def _compared(weights: Mapping[str, Tensor], asked: str | None, named: str | None) -> list[Fit]:
    """Compare with the preset that is asked for, or that a file names and fits; else with all."""
    if asked is None and named in preset_names():
        with suppress(ConfigError):
            own = fits(weights, named)
            if not own[0].misfits.count:
                return own
    return fits(weights, asked)


def _check_sums(path: Path) -> None:
    """Compare the checksums of a `.pth`, which is a ZIP file; torch itself ignores them."""
    if not is_zipfile(path):
        return
    try:
        with ZipFile(path) as archive:
            damaged = archive.testzip()
    except Exception:  # What torch forgives, zipfile may refuse in many ways.
        damaged = "its directory"
    if damaged:
        raise CheckpointError(f"{path} is damaged: {damaged} in it is not what was written")
