"""Seeds of synthetic clips: training takes the even ones, evaluation the odd ones, for ever."""


def training_seed(number: int) -> int:
    """Return the generator seed of training run `number` (0, 1, ...): always even.

    Raises:
        ValueError: `number` is negative.
    """
    return 2 * _checked(number)


def evaluation_seed(number: int) -> int:
    """Return the generator seed of evaluation set `number` (0, 1, ...): never a training seed.

    Raises:
        ValueError: `number` is negative.
    """
    return 2 * _checked(number) + 1


def _checked(number: int) -> int:
    if number < 0:
        raise ValueError(f"a seed number is 0 or more, not {number}")
    return number
