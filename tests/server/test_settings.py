import subprocess
import sys

import pytest

from maskstream_server.errors import SettingsError
from maskstream_server.settings import load_settings


def test_the_defaults_are_those_of_one_machine():
    settings = load_settings()
    assert (settings.host, settings.port, settings.model) == ("127.0.0.1", 8000, "demo")
    assert (settings.store, settings.api_keys) == ("memory", ())


def test_variables_and_overrides_are_read_and_overrides_win(monkeypatch):
    monkeypatch.setenv("MASKSTREAM_PORT", "9001")
    monkeypatch.setenv("MASKSTREAM_MAX_TRACKS", "7")
    monkeypatch.setenv("MASKSTREAM_ALLOWED_ORIGINS", "https://a.example, https://b.example")
    settings = load_settings({"port": 9002})
    assert (settings.port, settings.max_tracks) == (9002, 7)
    assert settings.allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("MAX_TRACKS", "0"),
        ("MAX_TRACKS", "32768"),
        ("STORE", "mysql://localhost"),
        ("WEIGHTS", "no/such/file.safetensors"),
        ("LOG_FORMAT", "xml"),
        ("DETERMINISTIC", "perhaps"),
        ("RESUME_TTL_S", "-1"),
        ("DATA_FOLDER", "s3://bucket/videos"),
        ("BUCKET", "bucket/videos"),
        ("BUCKET", "s3://UPPER"),
        ("BUCKET", "s3://bucket/"),
        ("DATA_MAX_BYTES", "0"),
        ("DATA_MAX_BYTES", "10 GB"),
        ("MIN_FREE_BYTES", "-1"),
        ("MAX_VIDEO_BYTES", "0"),
        ("VIDEO_RETENTION_S", "0"),
        ("UPLOAD_EXPIRY_S", "0"),
        ("VIDEO_URL_HOSTS", "https://example.com"),
        ("VIDEO_URL_HOSTS", "a.example,exa mple.com"),
        ("VIDEO_URL_HOSTS", "example.com:http"),
        ("WEBHOOK_HOSTS", "a.example/hook"),
        ("WEBHOOK_HOSTS", "a.example"),  # without a secret
        ("WEBHOOK_SECRET", "whsec_c2hvcnQ="),
        ("WEBHOOK_SECRET", "whsec_no base64, but long enough"),
        ("WEBHOOK_SECRET", "c2VjcmV0IGVub3VnaCBmb3IgYW55Ym9keQ=="),
        ("PRIVATE_HOSTS", "*"),
        ("PRIVATE_HOSTS", "10.0.0.0/8"),
    ],
)
def test_a_bad_setting_is_one_sentence_that_names_the_variable(monkeypatch, name, value):
    monkeypatch.setenv(f"MASKSTREAM_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    text = str(caught.value)
    assert f"MASKSTREAM_{name}" in text
    assert "\n" not in text
    assert text.endswith(".")


def test_an_empty_data_folder_is_none(monkeypatch):
    monkeypatch.setenv("MASKSTREAM_DATA_FOLDER", "")
    assert load_settings().data_folder is None
    assert load_settings({"data_folder": "", "store": "redis://here"}).keeps_no_videos


def test_idle_must_be_longer_than_heartbeat(monkeypatch):
    monkeypatch.setenv("MASKSTREAM_IDLE_S", "5")
    with pytest.raises(SettingsError, match="MASKSTREAM_IDLE_S must be longer than"):
        load_settings()


def test_secrets_are_read_from_mounted_files_and_variables_win(monkeypatch, tmp_path):
    monkeypatch.setenv("MASKSTREAM_SECRETS_FOLDER", str(tmp_path))
    (tmp_path / "maskstream_api_keys").write_text("one\ntwo\n")
    assert [key.get_secret_value() for key in load_settings().api_keys] == ["one", "two"]
    monkeypatch.setenv("MASKSTREAM_API_KEYS", "three")
    assert [key.get_secret_value() for key in load_settings().api_keys] == ["three"]


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("redis://redis:6379/0", "redis://:a%2Fb%40c@redis:6379/0"),
        ("rediss://me@redis/1", "rediss://me:a%2Fb%40c@redis/1"),
        ("memory", "memory"),
    ],
)
def test_a_password_that_comes_apart_goes_into_the_address(monkeypatch, tmp_path, address, whole):
    monkeypatch.setenv("MASKSTREAM_SECRETS_FOLDER", str(tmp_path))
    (tmp_path / "maskstream_store_password").write_text("a/b@c\n")
    assert load_settings({"store": address}).store == whole


def test_a_secret_is_not_repeated_in_the_message(monkeypatch):
    monkeypatch.setenv("MASKSTREAM_STORE", "mysql://me:hunter2@host")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_a_bad_secret_is_not_repeated_either(monkeypatch):
    monkeypatch.setenv("MASKSTREAM_WEBHOOK_SECRET", "hunter2")
    with pytest.raises(SettingsError, match=r"\*\*\* must be whsec_") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_an_unknown_override_is_refused():
    with pytest.raises(SettingsError, match="MASKSTREAM_COLOUR is not a setting"):
        load_settings({"colour": "red"})


def test_reading_settings_does_not_import_torch():
    code = "import sys, maskstream_server.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_size_to_compile_for_is_given_as_people_say_it():
    assert load_settings({"compile_size": "640x360"}).compile_frame_size == (360, 640)
