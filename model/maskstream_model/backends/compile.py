"""torch's own compiler, ahead of time: a library of kernels; on GPUs, graphs of launches."""

import shutil
from pathlib import Path

import torch

from maskstream_model.backends.interface import Engine, Precision, Source
from maskstream_model.backends.launch_graphs import LaunchGraphs

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
FILE = "engine.pt2"
COMPILERS = ("c++", "g++", "clang++")


def obstacle(device: torch.device) -> str | None:
    """See `Backend`."""
    if not any(map(shutil.which, COMPILERS)):
        return f"a C++ compiler is not installed here ({', '.join(COMPILERS)})"
    return None


def versions() -> str:
    """See `Backend`."""
    return ""


def build(source: Source, folder: Path) -> str:
    """See `Backend`."""
    torch._inductor.aoti_compile_and_package(source.program(), package_path=str(folder / FILE))
    return ""


def load(source: Source, folder: Path) -> Engine:
    """See `Backend`."""
    engine: Engine = torch._inductor.aoti_load_package(str(folder / FILE))
    return LaunchGraphs(engine, source) if source.device.type == "cuda" else engine
