"""The machine: the device of the model, and its drivers."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import torch

from maskstream_server.doctor.finding import Finding
from maskstream_server.lifecycle.readings import device_memory

GIB = 1 << 30
CPUINFO = Path("/proc/cpuinfo")
SMI = ("--query-gpu=driver_version", "--format=csv,noheader")


def check_device(device: str) -> Sequence[Finding]:
    """Look whether the device is there and computes, and what drives it."""
    place = torch.device(device)
    if place.type == "cuda":
        return _gpu(place)
    return [_cpu(), Finding("drivers", "ok", f"torch {torch.__version__}, no others needed")]


def _cpu() -> Finding:
    cores = len(os.sched_getaffinity(0))
    total_gib = device_memory("cpu")[1] / GIB
    text = f"cpu: {_cpu_name()}, {cores} cores, {total_gib:.0f} GiB"
    if torch.cuda.is_available():
        advice = "A GPU is here too: --device cuda, or MASKSTREAM_DEVICE=cuda, uses it."
        return Finding("device", "warning", text, advice)
    if torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "NO AVX"):
        advice = "This processor has no AVX2, and steps will be slow: use another machine."
        return Finding("device", "warning", text, advice)
    return Finding("device", "ok", text)


def _cpu_name() -> str:
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown processor"


def _gpu(place: torch.device) -> Sequence[Finding]:
    if torch.version.cuda is None:
        advice = "Install a torch that is built for CUDA (see pytorch.org), or use --device cpu."
        return [Finding("device", "failed", f"torch {torch.__version__} has no CUDA", advice)]
    if not torch.cuda.is_available():
        advice = "Look at `nvidia-smi`; in a container, start it with the GPU (--gpus all)."
        return [Finding("device", "failed", f"{place}: torch sees no GPU", advice), _driver()]
    if (place.index or 0) >= torch.cuda.device_count():
        text = f"{place} is not among the {torch.cuda.device_count()} GPUs"
        return [Finding("device", "failed", text, "Name another with --device."), _driver()]
    return [_computes(place), _driver()]


def _computes(place: torch.device) -> Finding:
    """Check whether the GPU computes a sum, and has free memory."""
    try:
        ones = torch.ones(64, 64, device=place)
        right = bool(((ones @ ones) == 64).all())
    except RuntimeError as error:
        text = f"{place} does not compute: {str(error).splitlines()[0]}"
        return Finding("device", "failed", text, "Update the driver, or install another torch.")
    used, total = device_memory(str(place))
    text = f"{place}: {torch.cuda.get_device_name(place)}, "
    text += f"{(total - used) / GIB:.1f} of {total / GIB:.1f} GiB free"
    if not right:
        return Finding("device", "failed", f"{text}; it computes wrongly", "Replace this GPU.")
    if used > 0.5 * total:
        advice = "Other programs use this GPU: stop them, or take another with --device cuda:N."
        return Finding("device", "warning", text, advice)
    return Finding("device", "ok", text)


def _driver() -> Finding:
    smi = shutil.which("nvidia-smi")
    if smi is None:
        advice = "Install the NVIDIA driver; in a container, start it with the GPU (--gpus all)."
        return Finding("drivers", "warning", "nvidia-smi is not here", advice)
    answer = subprocess.run([smi, *SMI], capture_output=True, text=True, timeout=30, check=False)
    if answer.returncode != 0:
        reason = (answer.stdout + answer.stderr).strip() or f"exit code {answer.returncode}"
        text = f"nvidia-smi fails: {reason.splitlines()[0]}"
        return Finding("drivers", "failed", text, "Install the NVIDIA driver anew, then restart.")
    driver = answer.stdout.splitlines()[0].strip()
    return Finding("drivers", "ok", f"NVIDIA {driver}, torch {torch.__version__}")
