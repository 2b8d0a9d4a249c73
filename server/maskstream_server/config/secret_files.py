"""Settings from mounted files: `maskstream_api_keys` holds the value of `api_keys`."""

import codecs
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from maskstream_server.errors import SettingsError

FOLDER: Final = "/run/secrets"
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class SecretFiles(PydanticBaseSettingsSource):
    """The files of a folder that have the names of settings, as containers mount their secrets.

    Args:
        settings: whose fields may be files.
        prefix: of the names of files, before that of the field; in lower case.
        folder: where they lie; one that is not there holds none.
    """

    def __init__(self, settings: type[BaseSettings], prefix: str, folder: Path) -> None:
        super().__init__(settings)
        self._prefix, self._folder = prefix, folder

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the text of a field's file, None where there is none; then its name."""
        return read_text(self._folder / f"{self._prefix}{field_name}"), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the text of every file that there is.

        Raises:
            SettingsError: one cannot be read.
        """
        fields = self.settings_cls.model_fields.items()
        found = (self.get_field_value(field, name) for name, field in fields)
        return {name: text for text, name, _ in found if text is not None}


def read_text(path: Path) -> str | None:
    """Read a file as editors of all systems write it: with a byte order mark or without.

    Returns:
        None where there is no such file.

    Raises:
        SettingsError: it cannot be read, or is no text.
    """
    try:
        data = path.read_bytes()
        return data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"The file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"The file {path} is no text: write it in UTF-8.") from None
