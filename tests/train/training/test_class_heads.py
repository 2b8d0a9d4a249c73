"""Class heads of a weight file are fitted to the classes of the model that starts from it."""

from dataclasses import replace

import torch

from maskstream_model.checkpoint import load_weights
from maskstream_model.classes import classes
from maskstream_model.daq.presets import preset
from maskstream_model.loading import shipped
from maskstream_train.training.class_heads import fitted

FILE = shipped("demo")


def test_weights_of_the_same_classes_stay_as_they_are():
    weights, found = load_weights(FILE), fitted(FILE, preset("demo"))
    assert all(torch.equal(value, weights[name]) for name, value in found.items())


def test_other_classes_get_rows_of_their_own_in_segmenter_and_tracker():
    names = "person animal vehicle"
    found = fitted(FILE, replace(preset("demo"), classes=classes(names)))
    before = load_weights(FILE)
    for head in ("sem_seg_head.predictor.class_embed", "tracker.class_embed"):
        rows, old = found[f"{head}.weight"], before[f"{head}.weight"]
        assert len(rows) == len(names.split()) + 1
        assert torch.equal(rows[0], old[0])  # "person" in both.
        assert torch.equal(rows[-1], old[-1])
