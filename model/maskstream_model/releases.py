"""Rows of the catalogue of published weights; families bring them (docs/adding-a-model.md).

Importing this costs nothing heavy: `maskstream weights list` shows the rows of every family.
"""

from dataclasses import dataclass

SHIPPED = "shipped with Maskstream"


@dataclass(frozen=True)
class Release:
    """One published weight file of a preset; what is unknown stays empty.

    Attributes:
        preset: that it is for.
        source: where it is published: `hf://OWNER/REPOSITORY/PATH` on the Hugging Face Hub
            (`hf://OWNER/REPOSITORY@REVISION/PATH` for another revision than `main`), or an
            `https://` address. Empty where the weights come with the family, or there are none.
        task: what the preset does.
        data: data set that the weights were trained for.
        reported: scores, as their authors report them.
        publisher: of the file.
        licence: of the weights, as their publisher states it.
        caution: sentence to show before the download, such as an unclear licence.
        size: of the file in bytes.
        sha256: of the file, 64 hexadecimal digits.
        sha256_prefix: its first digits, as the publisher has them in the file's name.
        by_hand: whether it is published where no program can download it; it is then pulled from a
            file on this machine.
        companions: further files that the preset needs, as paths in the folder of its weights.
    """

    preset: str
    source: str = ""
    task: str = ""
    data: str = ""
    reported: str = ""
    publisher: str = ""
    licence: str = ""
    caution: str = ""
    size: int | None = None
    sha256: str | None = None
    sha256_prefix: str = ""
    by_hand: bool = False
    companions: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The authors' name of the file; empty where none is published."""
        return self.source.rpartition("/")[2]
