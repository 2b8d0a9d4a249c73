"""`maskstream score vis|ovis`: files in, the official evaluator's numbers out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from maskstream_model.errors import DatasetError
from maskstream_train.data.annotated import AnnotatedVideos
from maskstream_train.data.annotations import read_annotations
from maskstream_train.evaluation.results import Detection, read_results, score_results
from maskstream_train.evaluation.transience import Objects, title_of
from maskstream_train.evaluation.vis_metrics import OVIS_STRATA, YTVIS_STRATA, VisSummary

PER_CLASS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100")
"""Numbers that are reported of each class."""


@dataclass(frozen=True)
class VisScore:
    """Fractions of 1 over all classes and per class; -1 where nothing was to be found.

    Attributes:
        title: for people.
        summary: the numbers.
        names: of the categories, by id.
        notes: sentences for people.
    """

    title: str
    summary: VisSummary
    names: Mapping[int, str]
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Return `overall` and `per_class`, as the reference cases name them."""
        per_class = self.summary.per_class.items()
        return {
            "overall": dict(self.summary.overall),
            "per_class": {str(key): {n: row[n] for n in PER_CLASS} for key, row in per_class},
        }

    def tables(self) -> list[Table]:
        """Return a table of everything and one of the classes, in percent."""
        overall = Table("metric", "all classes", title=self.title)
        for name, value in self.summary.overall.items():
            overall.add_row(name, _percent(value))
        classes = Table("class", *PER_CLASS, padding=0)
        for key, row in self.summary.per_class.items():
            classes.add_row(self.names[key], *(_percent(row[name]) for name in PER_CLASS))
        return [overall, classes]


def score_vis(
    truth_file: Path,
    results_file: Path,
    ovis: bool = False,
    objects: Objects = "all",
    beyond: Path | None = None,
) -> VisScore:
    """Score a result file as the evaluator of YouTube-VIS does, or that of OVIS.

    Args:
        truth_file: annotations.
        results_file: detections.
        ovis: adds the strata of occlusion, which the annotations must then tell.
        objects: those measured; finding another one is neither right nor wrong.
        beyond: annotations whose videos, known by their folder, are left out.

    Raises:
        DatasetError: a file that cannot be read, or an entry that is wrong; named in the text.
    """
    truth = read_annotations(truth_file)
    if not truth.annotated:
        raise DatasetError(f"{truth_file} has no annotations to score against")
    detections = read_results(results_file)
    _check_known(truth, detections, truth_file)
    if beyond is not None:
        truth = truth.beyond(read_annotations(beyond))
        kept = {video.id for video in truth.videos}
        detections = [found for found in detections if found.video_id in kept]
    if ovis:
        check_occlusion(truth)
    notes = _check_lengths(truth, detections, strict=ovis)
    strata = OVIS_STRATA if ovis else YTVIS_STRATA
    summary = score_results(truth, detections, strata, objects=objects)
    title = title_of("OVIS" if ovis else "YouTube-VIS", objects)
    return VisScore(title, summary, truth.categories, notes)


def _check_known(truth: AnnotatedVideos, detections: Sequence[Detection], truth_file: Path) -> None:
    videos = {video.id for video in truth.videos}
    for detection in detections:
        if detection.video_id not in videos:
            raise DatasetError(
                f"{detection.entry} names video {detection.video_id}, "
                f"which {truth_file} does not list"
            )
        if detection.category not in truth.categories:
            raise DatasetError(
                f"{detection.entry} names category {detection.category}, "
                f"which {truth_file} does not list"
            )


def check_occlusion(truth: AnnotatedVideos) -> None:
    """Check that all objects tell how far they are occluded.

    Raises:
        DatasetError: one does not.
    """
    for video in truth.videos:
        for thing in video.objects:
            if thing.occlusion is None:
                raise DatasetError(
                    f"{thing.entry} does not tell its occlusion; `score vis` does not need it"
                )


def _check_lengths(
    truth: AnnotatedVideos, detections: Sequence[Detection], strict: bool
) -> list[str]:
    """Return a note where tubes and videos differ in length.

    Raises:
        DatasetError: they do, and `strict`: OVIS' evaluator refuses what the other one cuts.
    """
    frames = {video.id: len(video.file_names) for video in truth.videos}
    wrong = [
        f"{found.entry} has {len(found.segmentations)} segmentations, "
        f"video {found.video_id} has {frames[found.video_id]} frames"
        for found in detections
        if len(found.segmentations) != frames[found.video_id]
    ]
    if not wrong:
        return []
    if strict:
        raise DatasetError(wrong[0])
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return [f"{wrong[0]}{more}: cut to the shorter, as the official evaluator does"]


def _percent(value: float) -> str:
    return "-" if value < 0 else f"{100 * value:.2f}"
