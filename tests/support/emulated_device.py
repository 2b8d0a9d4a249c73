"""Tensors that claim to be on `cuda:0` and compute on the CPU.

Inside `EmulatedDevice()` a tensor that was put on the device, and all that is computed from it,
says that it is there. What a real device would refuse (operands on two devices) raises. What makes
the host wait for the device (a copy to the host, a size that depends on data), and each copy to the
device, is counted by line.
"""

import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

CUDA = torch.device("cuda:0")
PROPERTIES: dict[object, object] = {
    Tensor.device.__get__: CUDA,
    Tensor.is_cuda.__get__: True,
    Tensor.is_cpu.__get__: False,
}
READS = {"item", "tolist", "__bool__", "__int__", "__float__", "__index__"}
"""They bring values to the host, which waits until the device has them."""
DATA_SIZED = {"nonzero", "masked_select", "unique", "unique_consecutive", "equal", "allclose"}
"""The size of what they return is known when the device has computed it."""


MAKES_FROM_HOST = {"tensor", "as_tensor"}
INDEXES = {"__getitem__", "__setitem__"}


class OnDevice(Tensor):
    """A tensor of the emulated device; its values are those of an ordinary one."""


class MixedDevicesError(RuntimeError):
    """An operation has operands on two devices."""


def place(tensor: Tensor) -> Tensor:
    """Return the tensor as one of the device."""
    return tensor.as_subclass(OnDevice)


def place_module(module: nn.Module) -> nn.Module:
    """Put the buffers of a module on the device; its parameters count as there."""
    for part in module.modules():
        for name, buffer in part.named_buffers(recurse=False):
            part._buffers[name] = place(buffer)
    return module


class EmulatedDevice(TorchFunctionMode):
    """Computes for the device while it is entered.

    Attributes:
        waits: how often the host waited for the device, by line of our packages.
        uploads: how often it copied to the device, likewise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()
        self.uploads: Counter[str] = Counter()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        there = [tensor for tensor in tensors if _there(tensor)]
        if func in PROPERTIES and there:
            return PROPERTIES[func]
        if name in ("to", "cpu", "cuda", "copy_"):
            return self._move(func, name, args, kwargs)
        if name in READS and there:
            self.waits[_caller()] += 1
        if (name in DATA_SIZED and there) or _picks_by_mask(name, args):
            self.waits[_caller()] += 1
        if name in INDEXES and _there(args[0]) and not all(map(_there, _index_tensors(args[1]))):
            self.uploads[_caller()] += 1
        if there and not name.startswith("__get"):
            _refuse_mixed(name, args, tensors)
        made = _is(kwargs.get("device"), "cuda")
        if made and name in MAKES_FROM_HOST:
            self.uploads[_caller()] += 1
        if made:
            kwargs["device"] = torch.device("cpu")
        result = _plainly(func, args, kwargs)
        return _placed(result) if there or made else result

    def _move(
        self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if name == "copy_":
            self._count(_there(args[1]), _there(args[0]))
            _plainly(func, args, kwargs)
            return args[0]
        source, rest = args[0], args[1:]
        places = [*rest, kwargs.pop("device", None)]
        if name == "cpu" or any(_is(leaf, "cpu") for leaf in places):
            target = False
        else:
            target = name == "cuda" or any(_is(leaf, "cuda") for leaf in places) or _there(source)
            target = target or any(isinstance(leaf, Tensor) and _there(leaf) for leaf in rest)
        self._count(_there(source), target)
        dtypes = [leaf for leaf in rest if isinstance(leaf, torch.dtype)]
        values = _plain(source)
        values = values.to(*dtypes, **{k: v for k, v in kwargs.items() if k == "dtype"})
        return place(values) if target else values

    def _count(self, source_there: bool, target_there: bool) -> None:
        if source_there != target_there:
            (self.waits if source_there else self.uploads)[_caller()] += 1


def _there(value: object) -> bool:
    return isinstance(value, OnDevice | nn.Parameter)


def _is(value: object, kind: str) -> bool:
    return isinstance(value, str | torch.device) and torch.device(value).type == kind


def _plain(value: Any) -> Any:
    return value.as_subclass(Tensor) if isinstance(value, OnDevice) else value


def _plainly(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return func(*tree_map(_plain, args), **tree_map(_plain, kwargs))


def _placed(result: Any) -> Any:
    return tree_map(lambda leaf: place(leaf) if isinstance(leaf, Tensor) else leaf, result)


def _picks_by_mask(name: str, args: tuple[Any, ...]) -> bool:
    """Whether it is an index by a boolean mask of the device, whose result has no known size."""
    if name not in INDEXES or not _there(args[0]):
        return False
    return any(index.dtype == torch.bool for index in _index_tensors(args[1]))


def _index_tensors(index: object) -> list[Tensor]:
    parts = index if isinstance(index, tuple) else (index,)
    return [part for part in parts if isinstance(part, Tensor) and part.dim() > 0]


def _refuse_mixed(name: str, args: tuple[Any, ...], tensors: list[Tensor]) -> None:
    """Raise where a device would: a tensor of the host beside one of the device.

    Numbers (tensors without axes) may be anywhere, and the device takes indices from the host.
    """
    if name in INDEXES and _there(args[0]):
        tensors = [tensor for tensor in args[2:] if isinstance(tensor, Tensor)]
    strangers = [tensor for tensor in tensors if not _there(tensor) and tensor.dim() > 0]
    if strangers:
        shapes = [tuple(tensor.shape) for tensor in strangers]
        raise MixedDevicesError(f"{name} at {_caller()}: {shapes} on the host, others on {CUDA}")


def _caller() -> str:
    """Return the innermost line of our packages that is being executed."""
    for frame in reversed(traceback.extract_stack()):
        if "/maskstream_" in frame.filename:
            return f"{frame.filename.rpartition('/maskstream_')[2]}:{frame.lineno}"
    return "elsewhere"
