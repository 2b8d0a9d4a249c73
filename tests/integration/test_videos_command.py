"""`maskstream run` and `maskstream videos` against the real server."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from client.clips import numbered_frames, write_clip
from maskstream_client.video_commands import run, videos
from maskstream_client.videos import Videos
from support.broken_pipes import unread_pipe
from support.http_receiver import Answer, http_receiver
from support.server import LiveServer, running_server
from support.video_calls import call, clip, ids, sentence_of

__all__ = ["clip"]

JOURNAL = ".maskstream-run.json"


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server() as made:
        yield made


def test_run_uploads_waits_and_downloads(live, clip, tmp_path):
    out = tmp_path / "made" / "here"
    done = call(
        run,
        clip,
        *("--url", live.url),
        *("--out", out),
        *("--artifacts", "ytvis.json, masks.zip"),
        *("--mask-scale", "0.5"),
    )
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in out.iterdir()) == ["masks.zip", "ytvis.json"]
    (track,) = json.loads((out / "ytvis.json").read_text())
    assert track["segmentations"][0]["size"] == [24, 32]
    assert done.stdout.splitlines() == [str(out / "ytvis.json"), str(out / "masks.zip")]
    for word in ("Uploading", "Processing", "6 of 6 frames", "Downloading masks.zip"):
        assert word in done.stderr


def test_what_goes_wrong_is_one_sentence(live, clip, tmp_path):
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear reader.")
    here = ("--url", live.url, "--out", tmp_path / "out")
    assert "letter.mp4 failed: The file is no video" in sentence_of(call(run, letter, *here))
    assert "No such file" in sentence_of(call(run, tmp_path / "x.mp4", *here))
    refused = call(run, clip, *here, "--artifacts", "poem.txt")
    assert "The option artifacts must be" in sentence_of(refused)
    assert "Uploading" not in refused.stderr
    assert list((tmp_path / "out").iterdir()) == []
    nobody = ("--url", "http://127.0.0.1:9", "--out", tmp_path / "out")
    assert "No server can be reached" in sentence_of(call(run, clip, *nobody))
    for command in ("show", "cancel", "delete", "download"):
        done = call(videos, command, "nobody", "--url", live.url)
        assert "There is no video 'nobody'" in sentence_of(done)
    assert "is no URL" in sentence_of(call(videos, "list", "--url", "ftp://here"))


def test_files_of_another_video_are_only_overwritten_by_force(live, clip, tmp_path):
    out = tmp_path / "out"
    here = ("--url", live.url, "--out", out)
    assert call(run, clip, *here).exit_code == 0
    first, num_videos = (out / "ytvis.json").read_bytes(), len(ids(live))
    other = write_clip(tmp_path / "other.mp4", numbered_frames(3))
    printed = sentence_of(call(run, other, *here))
    assert printed == (
        f"Error: {out / 'ytvis.json'} is there already: name another folder with --out, "
        "or overwrite it with --force."
    )
    assert (out / "ytvis.json").read_bytes() == first
    assert [path.name for path in out.iterdir()] == ["ytvis.json"]
    assert len(ids(live)) == num_videos  # nothing was uploaded
    assert call(run, other, *here, "--artifacts", "masks.zip").exit_code == 0
    assert call(run, other, *here, "--force").exit_code == 0
    assert (out / "ytvis.json").read_bytes() != first


def test_a_run_that_never_reached_its_server_is_in_nobodys_way(live, clip, tmp_path):
    out = ("--out", tmp_path / "out")
    assert call(run, clip, "--url", "http://127.0.0.1:9", *out).exit_code == 3
    other = write_clip(tmp_path / "other.mp4", numbered_frames(3))
    assert call(run, other, "--url", live.url, *out).exit_code == 0


def test_a_video_may_be_an_address_that_the_server_fetches(clip, tmp_path):
    film = clip.read_bytes()
    with (
        http_receiver(lambda asked: Answer(body=film)) as receiver,
        running_server(
            video_url_hosts=(receiver.authority,), private_hosts=(receiver.authority,)
        ) as live,
    ):
        out, address = tmp_path / "out", f"{receiver.url}/films/clip.mp4"
        done = call(run, address, "--url", live.url, "--out", out)
        assert done.exit_code == 0, done.output
        assert [path.name for path in out.iterdir()] == ["ytvis.json"]
        assert "Uploading" not in done.stderr
        assert "clip.mp4, frames: 6" in done.stderr
        (video,) = Videos(live.url).list()
        assert (video.name, video.num_bytes) == ("clip.mp4", len(film))
        printed = sentence_of(call(run, "https://elsewhere.example/a.mp4", "--url", live.url))
        assert "does not let this server go to elsewhere.example" in printed


def test_videos_are_listed_shown_downloaded_and_deleted(live, clip, tmp_path):
    out, here = tmp_path / "out", ("--url", live.url)
    assert call(run, clip, *here, "--out", out).exit_code == 0
    video = ids(live)[0]
    listed = call(videos, "list", *here, "--limit", 1).stdout
    assert listed.split() == [video, "done", "100.0%", "clip.mp4"]
    shown = call(videos, "show", video, *here).stdout
    assert "artifacts     ytvis.json\n" in shown
    assert "reason" not in shown
    assert json.loads(call(videos, "show", video, *here, "--json").stdout)["frames_done"] == 6
    assert json.loads(call(videos, "list", *here, "--json").stdout)[0]["id"] == video
    again = call(videos, "download", video, "ytvis.json", *here, "--out", tmp_path / "more")
    assert again.stdout.strip() == str(tmp_path / "more" / "ytvis.json")
    assert (tmp_path / "more" / "ytvis.json").read_bytes() == (out / "ytvis.json").read_bytes()
    assert "is done already" in sentence_of(call(videos, "cancel", video, *here))
    assert call(videos, "delete", video, *here).exit_code == 0
    assert video not in ids(live)


def test_a_name_does_not_steer_the_terminal(live, clip, tmp_path):
    odd = clip.rename(tmp_path / "[red]a\x1b[31mb\u202ec.mp4")
    here = ("--url", live.url, "--out", tmp_path / "out")
    done = call(run, odd, *here)
    assert done.exit_code == 0, done.output
    listed = [
        call(videos, *words, "--url", live.url)
        for words in (("list",), ("list", "--json"), ("show", ids(live)[0]), ("show", "\x1b[2J"))
    ]
    for shown in (done, *listed):
        lines = shown.output.replace("\r", "").split("\n")
        assert all(line.isprintable() for line in lines), shown.output
    assert "[red]a" in listed[0].output


def test_a_list_that_is_cut_off_ends_quietly(live, clip):
    Videos(live.url).submit(clip)
    command = [sys.executable, "-c", "from maskstream_command.group import main; main()"]
    words = ["videos", "list", "--url", live.url]
    with unread_pipe() as out:
        done = subprocess.run([*command, *words], stdout=out, stderr=subprocess.PIPE, text=True)
    assert done.stderr == ""


def test_a_missing_key_is_reported_with_the_option_that_helps(clip, tmp_path):
    with running_server(api_keys=("k" * 16,)) as guarded:
        here = ("--url", guarded.url, "--out", tmp_path / "out")
        for done in (call(run, clip, *here), call(videos, "list", "--url", guarded.url)):
            assert "--api-key, or in MASKSTREAM_API_KEY." in sentence_of(done)
        assert (
            call(videos, "list", "--url", guarded.url, "--api-key", "k" * 16 + "\r\n").output == ""
        )
