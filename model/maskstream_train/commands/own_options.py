"""From the command line of `maskstream train` to a run of own classes."""

from typing import TYPE_CHECKING, Any

from maskstream_model.errors import ConfigError
from maskstream_train.data.readers import PACKED

if TYPE_CHECKING:
    from maskstream_train.own_classes.run import OwnRequest

OWN = ("images", "freeze", "validation", "every")
"""Options of runs with own classes only."""
NOT_OWN = (
    *("stage", "pictures", "height", "width", "scales", "clip_frames", "no_object", "cutouts"),
    *("textures", "tracker_init"),
)
"""Options of other runs only."""
SHORT = ("batch_size", "precision", "learning_rate")
"""Options that set the preset's setting of the same name."""


def refuse_own_options(given: dict[str, Any]) -> None:
    """Check that a run without own classes has no option of these.

    Raises:
        ConfigError: it has one.
    """
    if named := [name for name in OWN if given[name] is not None]:
        raise ConfigError(
            f"--{named[0]} goes with --data and without --preset: a model of own classes is trained"
        )


def own_request(given: dict[str, Any]) -> "OwnRequest":
    """Turn the command line into the request of a run of own classes.

    Raises:
        ConfigError: an option that it does not have, or an invalid value.
    """
    from maskstream_train.own_classes.recipe import MINUTES
    from maskstream_train.own_classes.run import OwnRequest
    from maskstream_train.training.run_options import Budget

    if named := [name for name in NOT_OWN if given[name] is not None]:
        option = named[0].replace("_", "-")
        raise ConfigError(
            f"--{option} does not go with own classes; a data set's own models need --preset"
        )
    if given["form"] == PACKED:
        raise ConfigError(
            "packed pictures have the classes of the demo model, not own ones: say --preset demo"
        )
    minutes, steps = given["minutes"], given["steps"]
    short = [f"{name}={given[name]}" for name in SHORT if given[name] is not None]
    chosen = {"freeze": given["freeze"], "every": given["every"]}
    if given["validation"] is not None:
        chosen["validation_share"] = given["validation"]
    return OwnRequest(
        data=given["data"],
        out=given["out"],
        images=given["images"],
        form=given["form"],
        init=given["init"] or "auto",
        budget=Budget(MINUTES if minutes is None and steps is None else minutes, steps),
        settings=(*short, *given["settings"]),
        **{name: value for name, value in chosen.items() if value is not None},
        **{name: given[name] for name in ("device", "workers", "seed", "resume")},
        checkpoint_minutes=given["checkpoint_minutes"],
    )
