"""Which category of a data set each class of a model is."""

from collections.abc import Sequence

from maskstream_model.config import ClassInfo
from maskstream_model.errors import DatasetError
from maskstream_train.data.videos import Category


def same_names(categories: Sequence[Category], names: Sequence[str]) -> tuple[int, ...] | None:
    """Return the category id of each class, matched by name; None where the names differ."""
    ids = {plain_name(item.name): item.id for item in categories}
    wanted = [plain_name(name) for name in names]
    if set(ids) != set(wanted) or len(ids) != len(categories):
        return None
    return tuple(ids[name] for name in wanted)


def match_classes(
    categories: Sequence[Category], classes: Sequence[ClassInfo], model: str, ordered: bool
) -> tuple[int, ...]:
    """Return the category id of each class of a model.

    Args:
        categories: of the data set.
        classes: of the model.
        model: its name, for errors.
        ordered: the model was trained on a published data set, so that where names are spelt
            differently the order of ids decides, things before stuff.

    Raises:
        DatasetError: other names, or another number of them.
    """
    by_name = same_names(categories, [item.name for item in classes])
    if by_name is not None:
        return by_name
    if len(categories) != len(classes):
        raise DatasetError(
            f"{model} knows {len(classes)} classes, the data set has {len(categories)}"
        )
    order = sorted(categories, key=lambda item: (not item.thing, item.id))
    pairs = [
        (plain_name(one.name), plain_name(other.name))
        for one, other in zip(order, classes, strict=True)
    ]
    differing = [pair for pair in pairs if pair[0] != pair[1]]
    theirs, ours = ({pair[side] for pair in pairs} for side in (0, 1))
    # A name that both have, but elsewhere, says that these are other classes.
    moved = [pair for pair in differing if pair[0] in ours or pair[1] in theirs]
    if moved or not ordered:
        one, other = (moved or differing)[0]
        raise DatasetError(f"the data set's class {one!r} stands where {model} has {other!r}")
    return tuple(item.id for item in order)


def plain_name(name: str) -> str:
    """Return a name for comparison: in lower case, with a space for `_` and `-`."""
    return name.casefold().replace("_", " ").replace("-", " ").strip()
