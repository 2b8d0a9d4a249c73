"""From a configuration, a weight file and the files of a tokenizer to a model that steps."""

from pathlib import Path

from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.families import Weights
from maskstream_model.loading import WeightFile, seeded, usable_device, weight_file
from maskstream_model.sgmg.config import SgmgConfig
from maskstream_model.sgmg.model import SgmgModel
from maskstream_model.sgmg.network import SgmgNetwork
from maskstream_model.sgmg.tokens import read_tokenizer
from maskstream_model.sgmg.weight_format import adapted


def load(
    config: SgmgConfig, weights: Weights | None, device: str, tokenizer: Weights | None
) -> SgmgModel:
    """Build a model and load its weights.

    Args:
        config: what to build, and the rules to run it with.
        weights: path of a published file or of one of ours, or "random".
        device: where it runs.
        tokenizer: folder of its tokenizer; None: that of the weight file.

    Raises:
        ConfigError: the device is not here, or the extra is not installed.
        CheckpointError: no such weights or tokenizer, or they do not fit.
    """
    place, file = usable_device(device), weight_file(config.name, weights)
    network = seeded(lambda: SgmgNetwork(config.network)) if file is None else built(config, file)
    folder = Path(tokenizer or Path(file.path if file else ".").parent)
    tokens = read_tokenizer(folder, config.network.text.vocabulary)
    return SgmgModel(config, network, tokens, place, fingerprint(state_of(network), config))


def built(config: SgmgConfig, file: WeightFile) -> SgmgNetwork:
    """Return a network with the weights of a file, published or ours.

    Raises:
        CheckpointError: they do not fit.
    """
    return file.network(lambda: SgmgNetwork(config.network), adapted(config.name, file.tensors))
