"""Tensors that claim to be on `cuda:0` and compute on the CPU.

Inside `EmulatedDevice()` a tensor that was put on the device, and all that is computed from it,
says that it is there. What a real device would refuse (operands on two devices) raises. What makes
the host wait for the device is counted by line: a copy to the host, a size that depends on data,
and a copy to the device that is not asked to let the host go on (torch waits for the device's queue
then). Copies that do are counted apart.
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
DATA_SIZED = {
    "allclose",
    "bincount",
    "equal",
    "masked_select",
    "nonzero",
    "unique",
    "unique_consecutive",
}
"""The size or value of what they return is known when the device has computed it."""
MAKES_FROM_HOST = {"tensor", "as_tensor", "new_tensor"}
INDEXES = {"__getitem__", "__setitem__"}
OF_THE_HOST = {"numpy", "__array__"}
"""A tensor of a device has none."""


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
        uploads: how often it copied to the device without waiting, likewise.
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
        if name == "pin_memory":
            return args[0]
        if name in OF_THE_HOST and there:
            raise MixedDevicesError(f"{name} at {_caller()}: a tensor of {CUDA}")
        if there and (name in READS or name in DATA_SIZED or _is_waiting_index(name, args)):
            self.waits[_caller()] += 1
        if there and not name.startswith("__get"):
            _refuse_mixed(name, args, tensors)
        made = _is(kwargs.get("device"), "cuda")
        if name in MAKES_FROM_HOST and (made or there):
            self.waits[_caller()] += 1
        if made:
            kwargs["device"] = torch.device("cpu")
        kwargs.pop("pin_memory", None)
        result = _plainly(func, args, kwargs)
        return _placed(result) if there or made else result

    def _move(
        self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        waits = not kwargs.pop("non_blocking", False)
        if name == "copy_":
            self._count(_there(args[1]), _there(args[0]), waits)
            _plainly(func, args, kwargs)
            return args[0]
        source, rest = args[0], args[1:]
        places = [*rest, kwargs.pop("device", None)]
        if name == "cpu" or any(_is(leaf, "cpu") for leaf in places):
            target = False
        else:
            target = name == "cuda" or any(_is(leaf, "cuda") for leaf in places) or _there(source)
            target = target or any(isinstance(leaf, Tensor) and _there(leaf) for leaf in rest)
        self._count(_there(source), target, waits)
        dtypes = [leaf for leaf in rest if isinstance(leaf, torch.dtype)]
        values = _plain(source)
        values = values.to(*dtypes, **{k: v for k, v in kwargs.items() if k == "dtype"})
        return place(values) if target else values

    def _count(self, source_there: bool, target_there: bool, waits: bool) -> None:
        # What comes to the host is read at once: who asks not to wait has to wait by another call.
        if source_there and not target_there:
            self.waits[_caller()] += 1
        elif target_there and not source_there:
            (self.waits if waits else self.uploads)[_caller()] += 1


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


def _is_waiting_index(name: str, args: tuple[Any, ...]) -> bool:
    """Whether it is an index of a tensor of the device that waits for it.

    By a boolean mask, whose result has no known size; by anything on the host, which is copied; or
    a place for values of the host.
    """
    if name not in INDEXES or not _there(args[0]):
        return False
    values = [value for value in args[2:] if isinstance(value, Tensor) and not _there(value)]
    return bool(values) or any(
        not isinstance(index, Tensor) or index.dtype == torch.bool or not _there(index)
        for index in _listed_indices(args[1])
    )


def _listed_indices(index: object) -> list[Tensor | list[Any]]:
    parts = index if isinstance(index, tuple) else (index,)
    return [
        part
        for part in parts
        if isinstance(part, list) or (isinstance(part, Tensor) and part.dim() > 0)
    ]


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
