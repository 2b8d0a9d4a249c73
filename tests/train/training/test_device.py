"""Both stages of `demo` compute on a device: an emulated one refuses operands of two devices."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from maskstream_model.classes import EVERYDAY
from maskstream_model.daq.presets import preset
from maskstream_train.training.batches import ClipBatches
from maskstream_train.training.presets import StageName, training_preset
from maskstream_train.training.run_options import RunOptions, with_packed
from maskstream_train.training.stage import Moment
from support.emulated_device import CUDA, EmulatedDevice, place_module
from support.packs import small_pack
from support.small_runs import fresh_stage


class DeviceGenerator(torch.Generator):
    """Draws on the CPU for the emulated device."""

    @property
    def device(self) -> torch.device:
        return CUDA


def options(name: StageName, small: RunOptions, pack: Path) -> RunOptions:
    plan = training_preset(preset("demo"), name).plan
    clips = replace(plan.clips, height=64, width=96)
    mix = replace(plan.mix, still_share=0.5, video_share=0.5)
    plan = with_packed(replace(plan, clips=clips, mix=mix, batch_size=4, scales=(1.0,)), pack)
    criterion = replace(small.recipe.criterion, soft_classes=True)
    config = replace(small.config, classes=preset("demo").classes * 5)
    recipe = replace(small.recipe, criterion=criterion)
    return replace(small, config=config, plan=plan, recipe=recipe)


@pytest.mark.parametrize("name", ["segmenter", "tracker"])
def test_a_step_on_half_known_clips_mixes_no_devices(name, small_run, tmp_path) -> None:
    chosen = options(name, small_run, small_pack(tmp_path / "pack", EVERYDAY.split()))
    stage, batch = fresh_stage(name, chosen), ClipBatches(chosen.plan)[0]
    assert batch.ignored is not None
    for part in vars(stage).values():
        if isinstance(part, nn.Module):
            place_module(part)
    with EmulatedDevice():
        moment = Moment(1, 0.9, DeviceGenerator().manual_seed(1), np.random.default_rng(1))
        losses = stage.losses(batch.to(CUDA), moment)
        total = torch.stack([loss.detach() for loss in losses.values()]).sum()
        assert total.is_cuda
        assert torch.isfinite(total)
