"""Published weights under the names of our network (docs/model.md 14.6)."""

from collections.abc import Mapping

from torch import Tensor

from maskstream_model.checkpoint import Renames, renamed

PREFIX = "detr."
RENAMES: Renames = (
    (r"^criterion\.", None),
    # Second names of tensors that the layers of the decoder share.
    (r"^detr\.transformer_dec\.decoder\.(norm|bbox_embed|point2pos_proj)\.", None),
    # Constants that follow from the configuration.
    (r"\.(lvl_spatial_scales|query_relpos_grid)$", None),
    (r"^detr\.backbone\.0\.", ""),
    (r"^detr\.", ""),
)


def under_our_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under our names; files that are no published ones stay as they are."""
    if not any(name.startswith(PREFIX) for name in tensors):
        return dict(tensors)
    return renamed(tensors, RENAMES)
