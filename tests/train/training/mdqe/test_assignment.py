"""Which queries are to show an object: worked out by hand."""

import torch

from maskstream_train.training.matcher import UNMATCHED
from maskstream_train.training.mdqe.assignment import ClipOutput, assign, beside
from maskstream_train.training.mdqe.boxes import overlaps
from maskstream_train.training.mdqe.truth import ClipTruth, boxes_of


def two_objects():
    """One left, one right, on a frame of 8x16 cells."""
    masks = torch.zeros(2, 1, 8, 16, dtype=torch.bool)
    masks[0, 0, 2:6, 1:6] = True
    masks[1, 0, 2:6, 10:15] = True
    by_frame = masks.transpose(0, 1)
    return ClipTruth(masks, torch.tensor([0, 1]), boxes_of(by_frame), by_frame.flatten(2).any(2))


def output_of(truth, shown):
    """Queries that show the objects of these numbers, each a little worse than the one before."""
    boxes = truth.boxes[:, shown].clone()
    worse = 0.02 * torch.arange(len(shown))
    boxes[0, :, 0] += worse
    logits = torch.full((len(shown), 2), -2.0)
    logits[torch.arange(len(shown)), truth.labels[shown]] = 2.0
    masks = torch.where(truth.masks[shown], 4.0, -4.0) * (1 - worse)[:, None, None, None]
    return ClipOutput(logits, masks, boxes)


def test_boxes_overlap_as_defined():
    some = torch.tensor([[0.25, 0.5, 0.5, 1.0]])
    others = torch.tensor([[0.5, 0.5, 0.5, 1.0], [0.875, 0.5, 0.25, 1.0]])
    iou, generalised = overlaps(some, others)
    assert torch.allclose(iou, torch.tensor([[1 / 3, 0.0]]))
    # The second pair leaves a quarter of the box around both empty.
    assert torch.allclose(generalised, torch.tensor([[1 / 3, -0.25]]))


def test_an_object_has_as_many_queries_as_fit_it():
    both = two_objects()
    truth = ClipTruth(both.masks[:1], both.labels[:1], both.boxes[:, :1], both.present[:, :1])
    # Boxes of 5 of 16 columns, each 0.02 farther: IoUs of 1, 0.88, 0.77, 0.68 make 3.3.
    assert assign(output_of(truth, [0, 0, 0, 0]), truth).tolist() == [0, 0, 0, UNMATCHED]


def test_two_queries_are_the_least_where_only_one_fits():
    truth = two_objects()
    output = output_of(truth, [0, 1, 1, 1])
    output.boxes[0, 3] = torch.tensor([0.5, 0.9, 0.02, 0.02])
    objects = assign(output, truth)
    assert (objects == 1).sum() >= 2
    # The left object's second query is taken from the right one's only where that costs less.
    assert objects[0] == 0


def test_a_query_of_two_objects_is_that_of_the_cheaper_one():
    truth = two_objects()
    objects = assign(output_of(truth, [0, 1]), truth)
    assert objects.tolist() == [0, 1]


def test_boxes_beside_all_objects_are_the_last_to_be_chosen():
    truth = two_objects()
    output = output_of(truth, [0, 0, 0, 1, 1])
    output.boxes[0, 0] = torch.tensor([0.5, 0.05, 0.3, 0.1])
    assert beside(output.boxes, truth).tolist() == [[True, False, False, False, False]]
    objects = assign(output, truth)
    assert objects[0] == UNMATCHED
    assert objects[1] == 0


def test_a_centre_near_an_objects_centre_is_not_beside():
    truth = two_objects()
    thin = ClipTruth(truth.masks, truth.labels, truth.boxes.clone(), truth.present)
    thin.boxes[0, :, 2:] = 0.001
    near = thin.boxes[:, :1].clone()
    near[..., 0] += 2.4 / 32
    assert not beside(near, thin)
    near[..., 0] += 0.2 / 32
    assert beside(near, thin)


def test_where_an_object_is_not_seen_its_box_counts_nowhere():
    truth = two_objects()
    hidden = ClipTruth(truth.masks, truth.labels, truth.boxes, torch.tensor([[True, False]]))
    boxes = truth.boxes[:, 1:]
    assert beside(boxes, hidden)
    assert not beside(boxes, truth)
