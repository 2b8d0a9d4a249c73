"""Train `demo` on one GPU in 12 minutes and measure what it is to reach.

Two commands; the second one runs where there is a GPU and no network, on a copy of this repository:

    python scripts/train_demo_gpu.py prepare --data demo.zip --shared SHARED --folder gpu-demo
    PYTHONPATH=model python scripts/train_demo_gpu.py run --folder gpu-demo --out OUT

OUT gets `result.json`, written anew after each part, and the model as a folder, OUT/demo. Stopped
(SIGTERM) and started again with the same --work folder, it resumes. Clips are made by processes
beside the training. What a run imports beyond torch: click, cv2, numpy, Pillow, rich, safetensors,
scipy.
"""

import argparse
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

NAMES = (
    "person,bicycle,car,motorcycle,bus,train,truck,boat,airplane,bird,cat,dog,horse,sheep,cow,"
    "elephant,bear,bottle,chair"
)
DATA, START, STILLS, COMPOSED = "demo.zip", "start.safetensors", "coco_eval", "composite"
SHARES = {"segmenter": 0.5, "tracker": 0.28}
"""Of the minutes; what is left is for measuring."""
STAGES: Mapping[str, Sequence[str]] = {
    "segmenter": (
        *("--batch-size", "64", "--scales", "1.35,1.67,2,2", "--learning-rate", "6e-4"),
        *("--no-object", "0.2", "--set", "weights.classes=3", "--set", "soft_classes=true"),
        *("--set", "pilot_weight=0", "--set", "backbone_factor=0.1", "--set", "num_frames=1"),
        *("--set", "cutout_ratio=0.7", "--set", "empty_ratio=0.12"),
        *("--set", "surveillance_ratio=0.2", "--set", "portrait_share=0.25"),
        *("--set", "rare_power=0.8"),
    ),
    "tracker": (
        *("--batch-size", "48", "--scales", "1.35,1.67,2", "--learning-rate", "4e-4"),
        *("--set", "soft_classes=true", "--set", "short_share=0", "--set", "event_ratio=0.65"),
        *("--set", "cutout_ratio=0.6", "--set", "empty_ratio=0.08"),
    ),
}
"""Settings of each stage; the base size is 96x160, batches are of that size."""


@dataclass(frozen=True)
class Job:
    """What the command line asks for, and where things are.

    Attributes:
        folder: what `prepare` made.
        out: for results.
        work: for checkpoints.
        minutes: of everything.
        steps: of each stage, instead of its share of the minutes; None for a real run.
        device: `cuda` or `cpu`.
        workers: processes that make clips.
        clips: generated clips to measure on.
        settings: further options of `maskstream train`, for both stages.
    """

    folder: Path
    out: Path
    work: Path
    minutes: float
    steps: int | None
    device: str
    workers: int
    clips: int
    settings: tuple[str, ...]

    @property
    def model(self) -> Path:
        """The model as a folder."""
        return self.out / "demo"


def main() -> None:
    """Prepare or run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    prepares = commands.add_parser("prepare", help="collect all that a run needs in one folder")
    prepares.add_argument("--data", type=Path, required=True, help="packed pictures")
    prepares.add_argument("--shared", type=Path, required=True, help="coco_eval and annotated")
    prepares.add_argument("--init", type=Path, help="weights to start from")
    runs = commands.add_parser("run", help="train and measure")
    runs.add_argument("--out", type=Path, required=True)
    runs.add_argument("--work", type=Path, default=Path("gpu-work"), help="for checkpoints")
    runs.add_argument("--minutes", type=float, default=12.0)
    runs.add_argument("--steps", type=int, help="of each stage, instead of minutes")
    runs.add_argument("--device", help="cuda, where there is one")
    runs.add_argument("--workers", type=int, default=max(0, (os.cpu_count() or 1) - 2))
    runs.add_argument("--clips", type=int, default=12, help="generated clips to measure on")
    runs.add_argument(
        "--train-option", dest="settings", action="append", default=[], help="of maskstream train"
    )
    for command in (prepares, runs):
        command.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.data, given.shared, given.init, given.folder)
        return
    import torch

    given.device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    given.settings = tuple(given.settings)
    run(Job(**{item.name: getattr(given, item.name) for item in fields(Job)}))


def prepare(data: Path, shared: Path, init: Path | None, folder: Path) -> None:
    """Copy data, weights to start from and annotated pictures, which are never trained on.

    Polygons become masks here, so that a run needs no pycocotools.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(data, folder / DATA)
    write_start(data, init, folder / START)
    for name, source in ((STILLS, shared / STILLS), (COMPOSED, shared / "annotated" / COMPOSED)):
        shutil.copytree(source, folder / name, dirs_exist_ok=True, ignore=_unused)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    file = folder / STILLS / "instances.json"
    file.write_text(json.dumps(with_masks(json.loads(file.read_text()))))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB")


def write_start(data: Path, init: Path | None, file: Path) -> None:
    """Write the segmenter to start from: the given one, or the shipped one on another backbone."""
    from maskstream_model.checkpoint import save_safetensors
    from maskstream_model.loading import shipped
    from maskstream_train.commands import train as command
    from maskstream_train.commands.train_options import options_of
    from maskstream_train.training.run import first_segmenter

    if init is not None:
        shutil.copyfile(init, file)
        return
    settings = ["--preset", "demo", "--data", str(data), "--format", "packed", "--steps", "1"]
    given = command.make_context("train", [*settings, "--set", "restart=true"]).params
    options = options_of(given, "segmenter")
    save_safetensors(file, first_segmenter(options, shipped("demo")), {"preset": "demo"}, half=True)


def _unused(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith((".mp4", ".md", "_ovis.json"))]


def with_masks(content: dict[str, Any]) -> dict[str, Any]:
    """Return COCO annotations whose polygons are run lengths."""
    from maskstream_train.data.rle import decode_masks, encode_rle

    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    for one in content["annotations"]:
        if isinstance(one["segmentation"], list):
            mask = decode_masks([one["segmentation"]], *sizes[one["image_id"]])[0]
            one["segmentation"] = encode_rle(mask)
    return content


def run(job: Job) -> None:
    """Do all parts that are not done yet; one that fails leaves its error and ends nothing else."""
    started = time.monotonic()
    job.out.mkdir(parents=True, exist_ok=True)
    job.work.mkdir(parents=True, exist_ok=True)
    kept = job.work / "result.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    results["machine"] = machine(job.device)
    for name, part in parts(job).items():
        if name in results and "error" not in results[name]:
            continue
        began = time.monotonic()
        try:
            results[name] = part()
        except Exception as error:  # the other parts are worth having
            traceback.print_exc()
            results[name] = {"error": f"{type(error).__name__}: {error}"}
        results[name]["seconds"] = round(time.monotonic() - began, 1)
        results["minutes"] = round((time.monotonic() - started) / 60, 2)
        for file in (kept, job.out / "result.json"):
            file.write_text(json.dumps(results, indent=2) + "\n")
        print(json.dumps({name: results[name]}), flush=True)
    if any("error" in part for part in results.values() if isinstance(part, dict)):
        sys.exit(1)


def parts(job: Job) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what is done, in order."""
    stills = {"form": "coco", "names": NAMES, "data": str(job.folder / STILLS)}
    held_out = {"form": "packed", "names": NAMES, "data": str(job.folder / DATA)}
    composed = {"data": str(job.folder / COMPOSED / "composite_ytvis21.json"), "agnostic": True}
    generated = {"clips": job.clips, "agnostic": True}
    return {
        "segmenter": lambda: train(job, "segmenter"),
        "tracker": lambda: train(job, "tracker"),
        "stills": lambda: measure(job, still_figures, **stills),
        "held out": lambda: measure(job, still_figures, **held_out),
        "composed": lambda: measure(job, clip_figures, **composed),
        "generated": lambda: measure(job, clip_figures, **generated),
    }


def machine(device: str) -> dict[str, Any]:
    """Return what the run runs on."""
    import torch

    name = torch.cuda.get_device_name() if device.startswith("cuda") else "cpu"
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    return {**versions, "device": name, "cores": os.cpu_count()}


def train(job: Job, stage: str) -> dict[str, Any]:
    """Train or resume a stage and export the model; return the last record of its journal."""
    from maskstream_model.loading import shipped
    from maskstream_train.commands import train as command

    # Processes that make clips share the cores among them.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
    checkpoint = job.work / f"{stage}.run.safetensors"
    inits = {
        "segmenter": ("--init", job.folder / START),
        # Trackers of other classes begin with the class head that the segmenter has learned.
        "tracker": ("--tracker-init", shipped("demo")),
    }
    arguments = [
        *("--preset", "demo", "--stage", stage, "--out", job.work, "--device", job.device),
        *("--data", job.folder / DATA, "--format", "packed", "--height", 96, "--width", 160),
        *(["--steps", job.steps] if job.steps else ["--minutes", job.minutes * SHARES[stage]]),
        *("--workers", job.workers),
        *("--precision", "bf16", "--checkpoint-minutes", 1, *STAGES[stage], *job.settings),
        *inits[stage],
        *(["--resume"] if checkpoint.exists() else []),
    ]
    try:
        command.main([str(one) for one in arguments], standalone_mode=False)
    except click.Abort:
        sys.exit("stopped; run it again to resume")
    export(job)
    lines = (job.work / f"{stage}.jsonl").read_text().splitlines()
    return {"last": json.loads(lines[-1])} if lines else {}


def export(job: Job) -> None:
    """Write the model as it is now as a folder that can be served and measured."""
    from maskstream_model.classes import EVERYDAY, classes
    from maskstream_model.model_folders import ModelFolder, write_description

    job.model.mkdir(parents=True, exist_ok=True)
    folder = ModelFolder(job.model, "demo", "demo", classes(EVERYDAY))
    shutil.copyfile(job.work / "demo.safetensors", folder.weights)
    write_description(folder)


def measure(
    job: Job, figures: Callable[[dict[str, Any]], dict[str, Any]], **options: Any
) -> dict[str, Any]:
    """Run `maskstream eval` with options, as they are named in a request."""
    from maskstream_train.evaluation.request import Request
    from maskstream_train.evaluation.run import answer

    if not job.model.exists():
        export(job)
    request = Request(preset=str(job.model), device=job.device, **options)
    return figures(answer(request, lambda total: lambda done: None).as_json())


def still_figures(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of single pictures that the aims are about."""
    return {
        "AP50": answer["vis"]["AP50"],
        "AP50, classes aside": answer["vis_agnostic"]["AP50"],
        "person": answer["per_class"]["person"],
        "precision": answer["precision"],
        "precision, classes aside": answer["precision_agnostic"],
        "by score": answer["by_score"],
    }


def clip_figures(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of clips that the aims are about."""
    report = answer["reports"]["daq"]
    counts = report["counts"]
    return {
        "AP50": report["vis_agnostic"]["AP50"],
        "objects": counts["objects"],
        "changed id": counts["objects_found"] - counts["objects_unswitched"],
        **{name: counts[name] for name in ("objects_found", "switches", "tracks")},
        **report["identity"],
    }


if __name__ == "__main__":
    main()
