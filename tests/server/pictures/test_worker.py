"""One decoding process: what it may not do, how it ends, and that its answers are checked."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from maskstream_server.pictures import worker as worker_module
from maskstream_server.pictures.messages import MAX_TEXT_BYTES, REPLY, ReplyKind
from maskstream_server.pictures.refusal import TooLargeError, UndecodableError
from maskstream_server.pictures.worker import PictureWorker, WorkerDiedError
from support.pictures import JPEG, PNG, WEBP, encoded, gradient, limits, noise, png

SOON_S = 150.0
PICTURE = encoded(PNG, gradient())


def started(**others) -> PictureWorker:
    worker = PictureWorker(limits(**others), time.monotonic)
    worker.start()
    return worker


@pytest.fixture
def worker():
    running = started()
    yield running
    running.close()


def test_a_process_decodes_one_picture_after_the_other(worker):
    pid = worker.pid
    for codec in (PNG, JPEG, WEBP):
        assert worker.decode(codec, encoded(codec, gradient())).shape == (24, 36, 3)
    assert worker.pid == pid


def test_a_payload_and_a_picture_beyond_all_pipes_pass():
    worker = started(max_pixels=3_000_000)
    picture = noise(1500, 2000)
    assert np.array_equal(worker.decode(PNG, encoded(PNG, picture)), picture)
    worker.close()


def test_its_program_imports_nothing_heavy():
    program = (
        "import sys, maskstream_server.pictures.child\n"
        "print({'torch', 'scipy', 'structlog', 'pydantic'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run(command, capture_output=True, env=environment).stdout == b"set()\n"


def test_it_has_no_secrets_and_can_open_nothing(worker, monkeypatch):
    monkeypatch.setenv("MASKSTREAM_API_KEYS", "secret-of-sixteen")
    other = started()
    process = psutil.Process(other.pid)
    assert not [name for name in process.environ() if name.startswith("MASKSTREAM")]
    assert process.rlimit(psutil.RLIMIT_NOFILE)[1] == 0
    assert process.rlimit(psutil.RLIMIT_AS)[1] == limits().memory_bytes
    assert {file.path for file in process.open_files()} <= {os.devnull}
    other.close()


def test_a_picture_that_takes_too_long_costs_the_process_and_no_more():
    worker = started(deadline_s=2.5)
    first = worker.pid
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(WorkerDiedError, match=r"within 2.5 seconds") as caught:
        worker.decode(PNG, PICTURE)
    assert (caught.value.cause, worker.pid) == ("deadline", None)
    worker.start()
    assert worker.pid != first
    assert worker.decode(PNG, PICTURE).shape == (24, 36, 3)
    worker.close()


def test_a_decoder_that_does_not_return_is_ended_by_its_own_alarm():
    worker = started(max_pixels=9_000_000, deadline_s=0.01)
    with pytest.raises(WorkerDiedError, match=r"within 0.01 seconds"):
        worker.decode(PNG, encoded(PNG, noise(2000, 2000), compress_level=1))
    worker.close()


def test_a_picture_that_does_not_fit_into_memory_is_refused_in_a_sentence():
    size = 5000
    rows = bytes(size * (1 + 3 * size))
    worker = started(max_pixels=size * size, memory_bytes=180 << 20)
    pid = worker.pid
    with pytest.raises(UndecodableError, match="more than the 180 MiB"):
        worker.decode(PNG, png(size, size, rows))
    assert worker.decode(PNG, PICTURE).shape == (24, 36, 3)
    assert worker.pid == pid
    worker.close()


def test_the_largest_picture_of_every_kind_fits_into_the_memory_that_is_reserved():
    height, width = 2304, 4096
    worker = started(max_pixels=height * width)
    ramp = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)
    picture = np.stack([ramp, ramp[:, ::-1], ramp[::-1]], axis=-1)
    alpha = np.dstack([picture, ramp])
    from PIL import Image

    payloads = [
        (JPEG, encoded(JPEG, picture, progressive=True, subsampling=0)),
        (JPEG, encoded(JPEG, picture)[:-2]),
        (JPEG, encoded(JPEG, Image.fromarray(picture).convert("CMYK"))),
        (PNG, encoded(PNG, alpha, compress_level=1)),
        (PNG, png(width, height, height * (b"\0" + bytes(8 * width)), 16, 6)),
        (WEBP, encoded(WEBP, alpha, lossless=True, method=0)),
        (WEBP, encoded(WEBP, picture, method=0)),
    ]
    for codec, payload in payloads:
        assert worker.decode(codec, payload).shape == (height, width, 3)
    worker.close()


def test_an_idle_process_that_was_killed_is_not_there():
    worker = started()
    os.kill(worker.pid, signal.SIGKILL)
    until_s = time.monotonic() + SOON_S
    while worker.pid is not None and time.monotonic() < until_s:
        time.sleep(0.01)
    assert worker.pid is None
    worker.start()
    assert worker.decode(PNG, PICTURE).shape == (24, 36, 3)
    worker.close()


def test_it_ends_with_its_parent():
    program = (
        "import sys, time\n"
        "from maskstream_server.pictures.worker import PictureWorker\n"
        "from support.pictures import limits\n"
        "worker = PictureWorker(limits(), time.monotonic)\n"
        "worker.start()\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(3600)\n"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    gone, alive = psutil.wait_procs([child], SOON_S)
    assert (len(gone), alive) == (1, [])


@pytest.fixture
def taken_over(monkeypatch):
    monkeypatch.setattr(worker_module, "_MODULE", "support.false_decoder")
    running = started(deadline_s=3.0)
    yield running
    running.close()


@pytest.mark.parametrize(
    "reply",
    [
        REPLY.pack(ReplyKind.PICTURE, 0, 0),
        REPLY.pack(ReplyKind.PICTURE, 0, 10),
        REPLY.pack(ReplyKind.PICTURE, 10_001, 1),
        REPLY.pack(ReplyKind.PICTURE, 2**32 - 1, 2**32 - 1),
        REPLY.pack(ReplyKind.TOO_LARGE, 5, 5),
        REPLY.pack(ReplyKind.UNDECODABLE, MAX_TEXT_BYTES + 1, 0),
        REPLY.pack(ReplyKind.READY, 0, 0),
        REPLY.pack(77, 0, 0),
    ],
)
def test_a_reply_that_no_honest_process_gives_ends_it(taken_over, reply):
    with pytest.raises(WorkerDiedError, match="broke down") as caught:
        taken_over.decode(PNG, reply)
    assert (caught.value.cause, taken_over.pid) == ("crash", None)


@pytest.mark.parametrize(("payload", "cause"), [(b"death", "crash"), (b"silence", "deadline")])
def test_a_process_that_says_nothing_is_given_up(taken_over, payload, cause):
    with pytest.raises(WorkerDiedError) as caught:
        taken_over.decode(PNG, payload)
    assert caught.value.cause == cause


def test_a_sentence_and_a_size_are_taken_from_it(taken_over):
    with pytest.raises(UndecodableError, match=r"^\ufffdno$"):
        taken_over.decode(PNG, REPLY.pack(ReplyKind.UNDECODABLE, 3, 0) + b"\xffno")
    with pytest.raises(TooLargeError):
        taken_over.decode(PNG, REPLY.pack(ReplyKind.TOO_LARGE, 70_000, 1))


def test_a_program_that_cannot_start_is_reported(monkeypatch):
    monkeypatch.setattr(worker_module, "_MODULE", "support.there_is_none")
    with pytest.raises(OSError, match="did not come up"):
        started()
