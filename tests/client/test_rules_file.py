"""What `--rules` says of a file that has no rules: one sentence, and status 2."""

import pytest
from click.testing import CliRunner

from maskstream_client.commands import stream


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no rules", "rules.json is no JSON: Expecting value, at line 1, column 1."),
        (b"", "rules.json is no JSON: Expecting value, at line 1, column 1."),
        (b"\x89PNG\xe8\xff", "rules.json is no JSON."),
        (b"[" * 200_000, "rules.json is no JSON."),
        (b'{"name": "yard"}', "rules.json: rules must be a list of objects."),
        (None, "rules.json cannot be read: No such file or directory."),
    ],
)
def test_a_file_without_rules_is_a_sentence(tmp_path, monkeypatch, content, said):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "rules.json").write_bytes(content)
    result = CliRunner().invoke(stream, ["street.mp4", "--rules", "rules.json"])
    assert result.exit_code == 2
    assert f"'--rules': {said}" in result.output
    assert "Traceback" not in result.output
