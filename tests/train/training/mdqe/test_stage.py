"""MDQE as a stage: it learns, with and without repulsion, and what it writes is a model."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.classes import EVERYDAY, classes
from maskstream_model.mdqe.config import MdqeConfig
from maskstream_model.mdqe.network import MdqeNetwork
from maskstream_train.data.synthetic import ClipGenerator, SyntheticConfig
from maskstream_train.training.mdqe.first_queries import hits, link_losses
from maskstream_train.training.mdqe.repulsion import neighbours
from maskstream_train.training.mdqe.stage import MdqeStage
from maskstream_train.training.mdqe.truth import clip_truth
from maskstream_train.training.stage import moment_of
from maskstream_train.training.targets import collate
from support.mdqe import TINY, TINY_RULES
from support.small_runs import learn_one_batch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def config():
    network = replace(TINY, frames=2)
    return MdqeConfig("tiny_mdqe", classes(EVERYDAY), network, online=TINY_RULES)


@pytest.fixture(scope="module")
def batch():
    crowded = SyntheticConfig(height=64, width=96, num_frames=2, max_objects=6, empty_ratio=0.0)
    generator = ClipGenerator(crowded, 5)
    clips = (collate([generator.clip(index), generator.clip(index + 1)]) for index in range(20))
    return next(each for each in clips if (neighbours(clip_truth(each, 0)).sum(0) > 1).any())


def stage_of(config, repulsion=True):
    torch.manual_seed(0)
    return MdqeStage(config, CPU, repulsion)


@pytest.mark.parametrize("repulsion", [True, False])
def test_the_loss_of_a_batch_falls(config, batch, repulsion):
    totals = learn_one_batch(stage_of(config, repulsion), batch, 12, 0.0)
    assert sum(totals[-3:]) < 0.9 * sum(totals[:3])


def test_arms_differ_in_their_mask_losses_alone(config, batch):
    moment = moment_of(0, 0, 0.0, CPU)
    one, other = (stage_of(config, each).losses(batch, moment) for each in (True, False))
    differing = {name for name in one if not torch.equal(one[name], other[name])}
    assert differing == {"mask", "dice"}


def test_what_it_writes_is_a_model(config, batch):
    stage = stage_of(config)
    learn_one_batch(stage, batch, 2, 0.0)
    weights = stage.export(dict(stage.module.state_dict()))
    network = MdqeNetwork(config.network, config.num_classes)
    assert weights.keys() == network.state_dict().keys()
    network.load_state_dict(weights)


def test_a_clip_without_objects_has_losses(config, batch):
    nothing = replace(
        batch, masks=torch.zeros_like(batch.masks), present=torch.zeros_like(batch.present)
    )
    terms = stage_of(config).losses(nothing, moment_of(0, 0, 0.0, CPU))
    total = torch.stack(list(terms.values())).sum()
    assert total.isfinite()
    total.backward()


def test_queries_of_one_object_are_to_be_alike(batch):
    truth = clip_truth(batch, 0)
    points = torch.rand(2, 40, 2, generator=torch.Generator().manual_seed(1))
    owned = hits(points, truth)
    assert owned[0].any()
    # One number for each object, and one for none of them.
    embeds = torch.cat([owned, ~owned.any(1, keepdim=True)], 1).mT.float()
    apart = torch.randn(embeds.shape, generator=torch.Generator().manual_seed(2))
    good, bad = (link_losses(each, points, truth) for each in (3 * embeds, apart))
    assert good["contrast"] < bad["contrast"]
    assert 10 * good["cosine"] < bad["cosine"]


def test_points_have_the_object_whose_mask_they_are_in(batch):
    truth = clip_truth(batch, 0)
    item = int(truth.present[0].nonzero()[0])
    centre = truth.masks[item, 0].nonzero()[0] + 0.5
    height, width = truth.masks.shape[2:]
    point = torch.tensor([[[centre[1] / width, centre[0] / height]]]).expand(2, 1, 2)
    assert hits(point, truth)[0, item, 0]
