"""What is wanted of a backend, and what a model runs on in the end; imports no torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from maskstream_model.aliases import Size
from maskstream_model.backends.table import AUTO, EAGER, EXACT


@dataclass(frozen=True)
class Wish:
    """What is wanted.

    Attributes:
        backend: one of `table.CHOICES`.
        precision: one of `table.PRECISIONS`.
        frame_sizes: (height, width) of the frames that will come; others run eagerly.
        max_batch: most frames that step together.
    """

    backend: str = AUTO
    precision: str = AUTO
    frame_sizes: tuple[Size, ...] = ()
    max_batch: int = 1

    @property
    def chosen_precision(self) -> str:
        """The precision, `auto` resolved: what is exact."""
        return EXACT if self.precision == AUTO else self.precision


@dataclass(frozen=True)
class Execution:
    """What computes a model's network.

    Attributes:
        backend: its name.
        precision: of matrix products and convolutions.
        agreement: how far its results were from those of eager, by name; empty for eager itself.
        reason: why a backend that was wanted, or comes first by `auto`, does not run; None: none.
        notes: on the engines, for people.
    """

    backend: str = EAGER
    precision: str = EXACT
    agreement: Mapping[str, float | bool] = field(default_factory=dict)
    reason: str | None = None
    notes: tuple[str, ...] = ()

    def fingerprint(self, eager: str) -> str:
        """Return the fingerprint of a model that runs so.

        Exact backends keep that of eager, as devices do: their results are equal up to rounding,
        and a session may resume at a server with another one.

        Args:
            eager: its fingerprint on eager.
        """
        if self.precision == EXACT:
            return eager
        origin = f"{eager} {self.backend} {self.precision}"
        return hashlib.sha256(origin.encode()).hexdigest()[: len(eager)]
