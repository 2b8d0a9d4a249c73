"""Lists the operations of a model's graph for which torch-tensorrt has no converter.

    python scripts/converter_check.py demo 640x360 --package FOLDER

FOLDER holds torch_tensorrt as its wheel has it (`pip download --no-deps torch-tensorrt`, then
`unzip`); without it, the one that is installed. Neither TensorRT's libraries nor a GPU are needed:
the lowering and the registry of converters run beside modules that stand in for them, and no engine
is built. `--record FILE` keeps the operations of a preset that lacks nothing, for the tests. Prints
one JSON document: `missing` (operations without a converter, with their number),
`lowered` (all that the compiler sees) and `exported` (all that the graph had before).
"""

import importlib.machinery
import json
import sys
import warnings
from collections import Counter, namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import torch

from maskstream_model import families, load_model
from maskstream_model.backends.gate import reference
from maskstream_model.backends.interface import Source
from maskstream_model.backends.tensorrt import OPTIONS
from maskstream_model.command_options import FrameSize

VERSION = "11.0.0"
UNMARKED = ("aten.gather.default",)
"""Operations whose converters read no shape, and are not marked for batches of any size."""
Properties = namedtuple("Properties", "name major minor total_memory multi_processor_count")
GPU = Properties("H200", 9, 0, 1 << 37, 132)


class AnyClass(type):
    """Classes that have every attribute, can be joined with `|`, and count nothing."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = AnyClass(name, (AnyObject,), {})
        setattr(cls, name, made)
        return made

    def __or__(cls, other: object) -> Any:
        return cls

    __ror__ = __or__

    def __int__(cls) -> int:
        return 0

    def __iter__(cls) -> Iterator[Any]:
        return iter(())

    def __getitem__(cls, key: object) -> Any:
        return cls

    def __hash__(cls) -> int:
        return id(cls)


class AnyObject(metaclass=AnyClass):
    """Instances that take every argument, have every attribute, and can be called."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return AnyClass(name, (AnyObject,), {})

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Return itself: it has every attribute that the result of a call would have."""
        return self


class AnyModule(ModuleType):
    """A module that has every class."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = AnyClass(name, (AnyObject,), {})
        setattr(self, name, made)
        return made


def put_stand_ins() -> None:
    """Put modules in the place of TensorRT's, and a GPU in that of torch's."""
    for name in ("tensorrt", "tensorrt.tensorrt"):
        module = AnyModule(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__path__ = []
        module.__dict__.update(__version__=VERSION, __file__=name)
        sys.modules[name] = module
    sys.modules["tensorrt"].__dict__["tensorrt"] = sys.modules["tensorrt.tensorrt"]
    # They are one class, where annotations of converters name either.
    sys.modules["tensorrt.tensorrt"].__dict__["ITensor"] = sys.modules["tensorrt"].ITensor
    proxy = ModuleType("torch_tensorrt._TensorRTProxyModule")
    proxy.__dict__["package_name"] = "tensorrt"
    sys.modules[proxy.__name__] = proxy
    # It lists the libraries of this process; none is TensorRT's.
    libraries = ModuleType("dllist")
    libraries.__dict__["dllist"] = list
    sys.modules.setdefault("dllist", libraries)
    torch.cuda.get_device_properties = lambda *_: GPU
    torch.cuda.get_device_capability = lambda *_: (GPU.major, GPU.minor)
    torch.cuda.current_device = lambda: 0
    torch._C._CudaDeviceProperties = Properties


def source_of(preset: str, frame_size: tuple[int, int], max_batch: int, precision: Any) -> Source:
    """Return what an engine of a preset would be built from; random weights where it has none.

    Frames keep their size in the network: its operations do not depend on it, and small is quick.
    """
    weights = None if preset.startswith("demo") else "random"
    model = load_model(preset, weights, min_size=None)
    graph = families.graph_of(preset, families.live_model(preset, model))
    if graph is None:
        raise click.ClickException(f"{preset} has nothing that backends compile.")
    largest = reference(graph, frame_size, max_batch).largest
    size = graph.model.batch_key(*frame_size)
    return Source(graph.fixed(size), graph.names, largest, precision)


def lowered(program: Any) -> torch.fx.GraphModule:
    """Return the graph as torch-tensorrt's compiler partitions it."""
    from torch_tensorrt.dynamo._settings import CompilationSettings
    from torch_tensorrt.dynamo.conversion import DYNAMO_CONVERTERS
    from torch_tensorrt.dynamo.lowering import (
        get_decompositions,
        post_lowering,
        pre_export_lowering,
    )

    # Converters that are not marked for batches of any size count as missing, but for `UNMARKED`.
    settings = CompilationSettings(**{**OPTIONS, "assume_dynamic_shape_support": False})
    DYNAMO_CONVERTERS.set_compilation_settings(settings)
    program = pre_export_lowering(program, settings)
    program = program.run_decompositions(get_decompositions(False))
    return post_lowering(program.module(), settings)


def operations(graph: Any) -> Counter[str]:
    """Count the calls of a graph by what they call."""
    return Counter(str(node.target) for node in graph.nodes if node.op == "call_function")


def without_converter(module: torch.fx.GraphModule) -> Counter[str]:
    """Count the calls that torch-tensorrt would leave to torch."""
    from torch_tensorrt.dynamo.conversion import DYNAMO_CONVERTERS

    calls = [node for node in module.graph.nodes if node.op == "call_function"]
    targets = [str(node.target) for node in calls if node not in DYNAMO_CONVERTERS]
    return Counter(target for target in targets if target not in UNMARKED)


def record(path: Path, preset: str, version: str, exported: Counter[str]) -> None:
    """Put the operations of a preset, which all have converters, into a file with other presets."""
    presets = json.loads(path.read_text())["presets"] if path.exists() else {}
    presets[preset] = {"torch_tensorrt": version, "operations": sorted(exported)}
    path.write_text(json.dumps({"presets": dict(sorted(presets.items()))}, indent=1) + "\n")


@click.command()
@click.argument("preset")
@click.argument("size", type=FrameSize())
@click.option("--batch", type=click.IntRange(1), default=2, show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32")
@click.option("--package", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--record", "recorded", type=click.Path(dir_okay=False, path_type=Path))
def main(
    preset: str,
    size: tuple[int, int],
    batch: int,
    precision: str,
    package: Path | None,
    recorded: Path | None,
) -> None:
    """Print what of a model's graph has no converter; exits with 1 where there is something."""
    warnings.simplefilter("ignore")
    program = source_of(preset, size, batch, precision).program()
    exported = operations(program.graph)  # before the lowering, which changes it
    if package is not None:
        sys.path.insert(0, str(package))
    put_stand_ins()
    import torch_tensorrt

    module = lowered(program)
    missing = without_converter(module)
    found = {
        "torch_tensorrt": torch_tensorrt.__version__,
        "missing": missing,
        "lowered": operations(module.graph),
        "exported": exported,
    }
    click.echo(json.dumps(found, indent=1, sort_keys=True))
    if missing:
        raise SystemExit(1)
    if recorded is not None:
        record(recorded, preset, torch_tensorrt.__version__, exported)


if __name__ == "__main__":
    main()
