import codecs
import subprocess
import sys

import pytest

from maskstream_server.config.settings import Settings, load_settings
from maskstream_server.errors import SettingsError

KEY, OTHER_KEY = "the-first-of-two-keys", "the-other-of-two-keys"


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
        ("PUBLIC_URL", "video.example"),
        ("PUBLIC_URL", "https://"),
        ("PAGE", "perhaps"),
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
        ("MQTT", "broker:1883"),
        ("MQTT", "http://broker"),
        ("MQTT", "mqtt://broker:port"),
        ("MQTT", "mqtt://broker/street/#"),
        ("WEBHOOK_SECRET", "whsec_no base64, but long enough"),
        ("WEBHOOK_SECRET", "c2VjcmV0IGVub3VnaCBmb3IgYW55Ym9keQ=="),
        ("PRIVATE_HOSTS", "*"),
        ("PRIVATE_HOSTS", "10.0.0.0/8"),
        ("ALLOWED_HOSTS", "https://example.com"),
        ("INSECURE", "perhaps"),
        ("ROOT_PATH", "https://example.com/mask"),
        ("ROOT_PATH", "/mask?"),
        ("ROOT_PATH", "//"),
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


@pytest.mark.parametrize("empty", ["", "  ", "\r\n", "\ufeff"])
def test_an_empty_variable_means_the_default_whatever_it_sets(monkeypatch, tmp_path, empty):
    defaults = load_settings()
    monkeypatch.setenv("MASKSTREAM_SECRETS_FOLDER", empty.strip())
    for name in Settings.model_fields:
        if name != "api_keys":
            monkeypatch.setenv(f"MASKSTREAM_{name.upper()}", empty)
    assert load_settings() == defaults
    assert load_settings({"data_folder": empty, "store": "redis://here"}).keeps_no_videos


NO_KEYS = ("", " ", "\n", "\r\n\r\n", ",", " , ,\n", "\ufeff", "\ufeff\r\n")
SHORT_KEYS = ("short", "\ufefffifteen-letters\r\n", f"{KEY},fifteen-letters", f"{KEY}\nx\n")
STRANGE_KEYS = ("sixteen letters and spaces", "schl\u00fcssel-von-irgendwem", f"{KEY}\a")


@pytest.mark.parametrize("keys", NO_KEYS + SHORT_KEYS + STRANGE_KEYS)
@pytest.mark.parametrize("given", ["variable", "file", "override"])
def test_keys_that_are_set_but_cannot_be_used_are_refused(monkeypatch, tmp_path, keys, given):
    overrides = {"api_keys": keys} if given == "override" else {}
    if given == "file":
        monkeypatch.setenv("MASKSTREAM_SECRETS_FOLDER", str(tmp_path))
        (tmp_path / "maskstream_api_keys").write_bytes(keys.encode())
    elif given == "variable":
        monkeypatch.setenv("MASKSTREAM_API_KEYS", keys)
    with pytest.raises(SettingsError, match=r"^MASKSTREAM_API_KEYS=\*\*\* .*\.$") as caught:
        load_settings(overrides)
    assert "fifteen" not in str(caught.value)


def test_an_empty_variable_does_not_let_a_file_of_keys_pass_by(monkeypatch, tmp_path):
    monkeypatch.setenv("MASKSTREAM_SECRETS_FOLDER", str(tmp_path))
    (tmp_path / "maskstream_api_keys").write_text(KEY)
    monkeypatch.setenv("MASKSTREAM_API_KEYS", "")
    with pytest.raises(SettingsError, match="MASKSTREAM_API_KEYS"):
        load_settings()


@pytest.mark.parametrize(
    "data",
    [
        f"{KEY}\n{OTHER_KEY}".encode(),
        f"{KEY}\r\n\r\n{OTHER_KEY}\r\n".encode("utf-8-sig"),
        f"{KEY}\r{OTHER_KEY} \r".encode(),
        f"{KEY}, {OTHER_KEY}\r\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + f"\n{KEY}\r\n{OTHER_KEY}\r\n".encode("utf-16-be"),
    ],
)
def test_files_of_keys_are_read_as_editors_of_all_systems_write_them(monkeypatch, tmp_path, data):
    monkeypatch.setenv("MASKSTREAM_SECRETS_FOLDER", str(tmp_path))
    (tmp_path / "maskstream_api_keys").write_bytes(data)
    assert [key.get_secret_value() for key in load_settings().api_keys] == [KEY, OTHER_KEY]


def test_a_file_of_a_setting_that_cannot_be_read_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("MASKSTREAM_SECRETS_FOLDER", str(tmp_path))
    path = tmp_path / "maskstream_store"
    path.write_bytes(b"redis://\xff\xfe")
    with pytest.raises(SettingsError, match="maskstream_store is no text"):
        load_settings()
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="maskstream_store cannot be read: Is a directory"):
        load_settings()


@pytest.mark.parametrize(
    ("given", "path"),
    [("/", ""), ("mask", "/mask"), ("/mask/", "/mask"), ("/a/b-c.d", "/a/b-c.d")],
)
def test_a_root_path_has_one_form(given, path):
    assert load_settings({"root_path": given}).root_path == path


def test_idle_must_be_longer_than_heartbeat(monkeypatch):
    monkeypatch.setenv("MASKSTREAM_IDLE_S", "5")
    with pytest.raises(SettingsError, match="MASKSTREAM_IDLE_S must be longer than"):
        load_settings()


def test_secrets_are_read_from_mounted_files_and_variables_win(monkeypatch, tmp_path):
    monkeypatch.setenv("MASKSTREAM_SECRETS_FOLDER", str(tmp_path))
    (tmp_path / "maskstream_api_keys").write_text(f"{KEY}\n")
    assert [key.get_secret_value() for key in load_settings().api_keys] == [KEY]
    monkeypatch.setenv("MASKSTREAM_API_KEYS", OTHER_KEY)
    assert [key.get_secret_value() for key in load_settings().api_keys] == [OTHER_KEY]


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
    (tmp_path / "maskstream_store_password").write_bytes("\ufeffa/b@c\r\n".encode())
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
    code = "import sys, maskstream_server.config.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_sizes_that_engines_are_for_are_given_as_people_say_them():
    assert load_settings({"compile_size": "640x360"}).compile_frame_sizes == ((360, 640),)
    several = load_settings({"compile_size": "1280x720,720x1280,640x480"}).compile_frame_sizes
    assert several == ((720, 1280), (1280, 720), (480, 640))


@pytest.mark.parametrize("text", ["1280", "1280x", "0x720", "1280x720,", "a,b", "9x9" + 8 * ",9x9"])
def test_sizes_that_are_none_or_too_many_are_one_sentence(text):
    with pytest.raises(SettingsError, match="MASKSTREAM_COMPILE_SIZE"):
        load_settings({"compile_size": text})


def test_the_backend_is_named_by_its_new_or_its_old_name():
    assert load_settings().wanted_backend == "auto"
    assert load_settings({"backend": "openvino"}).wanted_backend == "openvino"
    assert load_settings({"compile": "tensorrt"}).wanted_backend == "tensorrt"
    assert load_settings({"compile": "eager", "backend": "eager"}).wanted_backend == "eager"
    with pytest.raises(SettingsError, match="MASKSTREAM_COMPILE is the old name"):
        load_settings({"compile": "eager", "backend": "tensorrt"})


@pytest.mark.parametrize(("setting", "value"), [("backend", "magic"), ("precision", "int8")])
def test_a_backend_or_precision_that_there_is_not(setting, value):
    with pytest.raises(SettingsError, match=f"MASKSTREAM_{setting.upper()}='{value}' is none of"):
        load_settings({setting: value})
