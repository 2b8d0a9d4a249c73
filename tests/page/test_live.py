"""The live section in a real browser: sources, masks, tracks, time line, files."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from page.conftest import Visit, frames_of_clip, write_film
from page.steps import find, saved, start, wait_for, wait_until_drawn, wait_until_plain
from support.server import LiveServer, running_server

ENCODE_FIVE = """async () => {
  const { FrameEncoder } = await import('/page/live/frame-encoder.js');
  const encoder = new FrameEncoder('automatic');
  const needs = { welcome: { codecs: ['jpeg', 'vp9'] }, needsKeyFrame: false };
  const { encode } = VideoEncoder.prototype;
  const codecs = [];
  for (let index = 0; index < 5; index += 1) {
    if (index === 2) VideoEncoder.prototype.encode = () => { throw new Error('It is gone.'); };
    if (index === 3) VideoEncoder.prototype.encode = encode;
    const bitmap = await createImageBitmap(new ImageData(64, 48));
    const { data, codec, jpeg } = await encoder.encode(bitmap, index * 1e5, needs);
    if (codec === 'jpeg' ? data !== (await jpeg) : data.byteLength === 0) return null;
    codecs.push(codec);
  }
  encoder.close();
  return codecs;
}"""


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server() as server:
        yield server


def test_the_sample_clip_is_one_click_away_and_its_masks_are_drawn(live: LiveServer, visit: Visit):
    page = visit(live.url)
    start(page)
    assert "1  thing" in page.locator("track-list").inner_text()
    wait_for(page, "document.querySelector('.state').dataset.state === 'open'")
    wait_for(page, "document.querySelector('health-bar').textContent.includes(' ms')")
    wait_until_drawn(page)
    page.get_by_role("button", name="Hide track 1").click()
    wait_for(page, "document.querySelector('track-list li.is-hidden') !== null")
    page.get_by_role("checkbox", name="Labels").uncheck()
    wait_until_plain(page)
    (track,) = saved(page)
    assert (track["track_id"], track["label"], track["ended"]) == (1, "thing", False)


def test_a_paused_stream_sends_nothing_and_its_past_can_be_looked_at(
    live: LiveServer, visit: Visit
):
    page = visit(live.url)
    start(page)
    wait_for(page, "document.querySelector('time-line input').max > 15.5")
    page.get_by_role("button", name="Pause").click()
    count = -1.0
    while count != (count := live.metric("maskstream_results_total")):
        page.wait_for_timeout(1000)  # What was on its way is still answered.
    time_line = page.get_by_role("slider", name="Look back in time")
    newest = float(time_line.input_value())
    time_line.press("PageDown")
    page.get_by_text("Looking back").wait_for()
    assert float(time_line.input_value()) < newest
    page.get_by_role("button", name="Back to live").click()
    page.get_by_role("button", name="Pause").click()
    wait_for(page, f"Number(document.querySelector('time-line input').value) > {newest}")


def test_a_recording_is_a_video_of_what_was_shown(live: LiveServer, visit: Visit):
    page = visit(live.url)
    start(page)
    record = page.get_by_role("button", name="Record")
    record.click()
    drawn = page.evaluate("document.querySelector('mask-stage').numDrawn")
    wait_for(page, f"document.querySelector('mask-stage').numDrawn > {drawn + 12}")
    with page.expect_download() as download:
        record.click()
    with av.open(str(download.value.path())) as film:
        assert len(list(film.decode(video=0))) > 3
    assert download.value.suggested_filename == "maskstream.webm"


def test_classes_are_filtered_by_the_server_and_the_track_comes_back_with_its_id(
    live: LiveServer, visit: Visit
):
    page = visit(live.url)
    start(page)
    page.get_by_text("Classes", exact=True).click()
    page.get_by_role("checkbox", name="thing").uncheck()
    wait_for(page, "document.querySelector('track-list li').dataset.state === 'gone'")
    page.get_by_role("checkbox", name="thing").check()
    wait_for(page, "document.querySelector('track-list li').dataset.state === 'seen'")
    assert [track["track_id"] for track in saved(page)] == [1]


def test_a_file_of_ones_own_plays_to_its_end(live: LiveServer, visit: Visit, tmp_path: Path):
    film = write_film(tmp_path / "<b>own.webm", "libvpx", frames_of_clip(20), fps=5)
    page = visit(live.url)
    field = page.locator("source-picker input[type=file]")
    field.set_input_files(film)
    assert field.input_value() == ""  # A browser reports no choice that changes nothing.
    page.locator("track-list li").first.wait_for()
    wait_for(page, "document.querySelector('.state').dataset.state === 'closed'")
    page.get_by_role("button", name="Start").wait_for()
    (track,) = saved(page)
    assert track["to_s"] > 2


def test_without_a_chosen_file_nothing_is_streamed_in_its_place(live: LiveServer, visit: Visit):
    page = visit(live.url)
    find(page, "File").check(force=True)
    page.get_by_role("button", name="Start").click()
    page.get_by_text("No file is chosen yet.").wait_for()
    assert page.locator(".state").get_attribute("data-state") == "idle"


def test_a_camera_is_streamed_and_let_go_at_the_end(live: LiveServer, visit: Visit):
    page = visit(live.url)
    start(page, "Camera")
    wait_until_drawn(page)
    page.get_by_role("button", name="Stop").click()
    wait_for(page, "document.querySelector('.state').dataset.state === 'closed'")
    assert page.evaluate("document.querySelector('live-tab').past.source.video.srcObject === null")


def test_a_session_that_the_server_does_not_know_is_not_said_to_have_expired(
    live: LiveServer, visit: Visit
):
    """So it is after a restart of a server whose store is in its own process."""
    page = visit(live.url)
    page.get_by_role("button", name="Start").wait_for()
    page.evaluate("document.querySelector('live-tab').receive({ kind: 'state', state: 'waiting' })")
    page.get_by_text("the tracks keep their identities if the server still has them").wait_for()
    page.evaluate(
        "document.querySelector('live-tab').receive({ kind: 'reset', reason: 'expired' })"
    )
    text = "Identities start over: the server has no memory of the session."
    page.get_by_text(text).wait_for()


def test_a_camera_is_sent_as_video_or_as_pictures_where_the_visitor_wants_them(
    live: LiveServer, visit: Visit
):
    page = visit(live.url)
    page.get_by_label("Coding of frames sent").select_option("Video")
    start(page, "Camera")
    page.get_by_text("sent as VP9").wait_for()
    assert live.metric("maskstream_packet_sessions") == 1
    wait_until_drawn(page)
    time_line = page.get_by_role("slider", name="Look back in time")
    wait_for(page, "document.querySelector('time-line input').max > 15.5")
    time_line.press("PageDown")
    page.get_by_text("Looking back").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_label("Coding of frames sent").select_option("JPEG")
    start(page, "Camera")
    page.get_by_text("sent as JPEG").wait_for()
    assert live.metric("maskstream_packet_sessions") == 0


def test_a_server_that_takes_no_video_is_sent_pictures(visit: Visit):
    with running_server(packets=False) as server:
        page = visit(server.url)
        start(page, "Camera")
        page.get_by_text("sent as JPEG").wait_for()
        wait_until_drawn(page)


def test_pictures_take_the_place_of_a_video_encoder_that_fails(live: LiveServer, visit: Visit):
    codecs = visit(live.url).evaluate(ENCODE_FIVE)
    assert codecs == ["vp9", "vp9", "jpeg", "jpeg", "jpeg"]


def test_a_camera_that_is_not_there_is_said_in_a_sentence(live: LiveServer, visit: Visit):
    page = visit(live.url)
    page.evaluate(
        """() => {
          const absent = new DOMException('', 'NotFoundError');
          navigator.mediaDevices.getUserMedia = () => Promise.reject(absent);
        }"""
    )
    find(page, "Camera").check(force=True)
    page.get_by_role("button", name="Start").click()
    page.get_by_text("No camera was found on this device.").wait_for()


def test_a_screen_is_streamed(live: LiveServer, visit: Visit):
    page = visit(live.url)
    start(page, "Screen")
    wait_until_drawn(page)
