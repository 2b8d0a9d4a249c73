"""OpenVINO: engines for CPUs; float32 is exact, bfloat16 quick where the CPU has it in hardware."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from maskstream_model.backends.interface import Engine, Precision, Source

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
FILE = "engine.xml"
HINTS = {"float32": "f32", "bfloat16": "bf16"}


def obstacle(device: torch.device) -> str | None:
    """See `Backend`."""
    if device.type != "cpu":
        return f"OpenVINO runs on CPUs here, not on {device}"
    if find_spec("openvino") is None:
        return "OpenVINO is not installed: pip install 'maskstream[openvino]'"
    return None


def versions() -> str:
    """See `Backend`."""
    import openvino

    return f"openvino {openvino.__version__}"


def build(source: Source, folder: Path) -> str:
    """Write OpenVINO's form of the graph; it is compiled when it is loaded, within seconds."""
    import openvino

    # OpenVINO lowers the precision itself: the graph is in float32.
    model = openvino.convert_model(source.program("float32", grid_sample=True))
    # Weights would be cut to float16.
    openvino.save_model(model, folder / FILE, compress_to_fp16=False)
    return ""


def load(source: Source, folder: Path) -> Engine:
    """See `Backend`."""
    return _Engine(source, folder / FILE)


class _Engine:
    """One compiled model for each size of batch, made when it is first needed.

    A model for batches of any size is slower, and for bfloat16 has returned empty outputs.
    """

    def __init__(self, source: Source, path: Path) -> None:
        import openvino

        self._core = openvino.Core()
        self._model = self._core.read_model(path)
        self._shapes = [list(each.shape[1:]) for each in source.largest]
        self._properties = {
            # Left out, CPUs with bfloat16 take that without a word.
            "INFERENCE_PRECISION_HINT": HINTS[source.precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._requests: dict[int, Any] = {}

    def __call__(self, *inputs: Tensor) -> Sequence[Tensor]:
        request = self._request(len(inputs[0]))
        outputs = request.infer([each.contiguous().numpy() for each in inputs], share_inputs=True)
        # The request writes its next results to the same memory.
        return [torch.from_numpy(outputs[place].copy()) for place in range(len(outputs))]

    def _request(self, batch: int) -> Any:
        if batch not in self._requests:
            shapes = {
                port: [batch, *shape]
                for port, shape in zip(self._model.inputs, self._shapes, strict=True)
            }
            self._model.reshape(shapes)
            compiled = self._core.compile_model(self._model, "CPU", self._properties)
            self._requests[batch] = compiled.create_infer_request()
        return self._requests[batch]
