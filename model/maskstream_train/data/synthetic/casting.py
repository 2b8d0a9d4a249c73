"""Who plays in a clip: which objects, how large, on which paths, in which order of depth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from maskstream_train.data.synthetic import animals, people, things, vehicles
from maskstream_train.data.synthetic.bank import TextureBank
from maskstream_train.data.synthetic.config import LABELS, Image, SyntheticConfig
from maskstream_train.data.synthetic.cutouts import Cutouts
from maskstream_train.data.synthetic.motion import Path, PathPlanner, draw_event
from maskstream_train.data.synthetic.render import Layer
from maskstream_train.data.synthetic.shapes import Figure, Paint, Part, box, wavy_ring
from maskstream_train.data.synthetic.sprites import CutoutSprite, FigureSprite, Sprite
from maskstream_train.data.synthetic.textures import random_colour

FigureFamily = Callable[[np.random.Generator], Figure]

FAMILIES: tuple[FigureFamily, ...] = (
    *(people.biped, animals.bird, vehicles.car_from_side, vehicles.car_from_above),
    *(things.blob, things.bottle, things.ball, things.crate, things.star),
)
WEIGHTS = np.array([0.28, 0.07, 0.11, 0.1, 0.07, 0.06, 0.02, 0.03, 0.02])
FROM_ABOVE = np.array([0.22, 0.02, 0.08, 0.48, 0.03, 0.03, 0.01, 0.01, 0.01])


@dataclass(frozen=True)
class Role:
    """One annotated object before it is placed: its drawing, class and manner."""

    sprite: Sprite
    label: int
    heading_up: bool
    upright: bool
    squat: float


@dataclass(frozen=True)
class Cast:
    """The layers of a clip, back to front, and the class of each object (number - 1)."""

    layers: tuple[Layer, ...]
    labels: tuple[int, ...]


class Casting:
    """Draws the cast of one clip."""

    def __init__(
        self,
        rng: np.random.Generator,
        config: SyntheticConfig,
        bank: TextureBank,
        cutouts: Cutouts | None,
        from_above: bool,
    ) -> None:
        """Keep what all roles of the clip share."""
        self._rng, self._config, self._bank = rng, config, bank
        use = cutouts is not None and rng.random() < config.cutout_ratio
        self._cutouts = cutouts if use else None
        self._real_share = rng.choice([0.5, 1.0])
        weights = FROM_ABOVE if from_above else WEIGHTS
        self._weights = weights / weights.sum()

    def draw(self, planner: PathPlanner) -> Cast:
        """Draw all layers; none for a clip without objects."""
        rng, config = self._rng, self._config
        if rng.random() < config.empty_ratio:
            return Cast(tuple(self._occluders(planner)), ())
        count = 1 + int(config.max_objects * rng.random() ** 1.2)
        look = int(rng.integers(2**31)) if rng.random() < config.lookalike_ratio else None
        size = self._base_size(count)
        layers: list[Layer] = []
        hides: list[Layer] = []
        labels: list[int] = []
        for number in range(1, count + 1):
            own = float(np.clip(size * 2 ** rng.normal(0, 0.35), 0.1, 1.1)) * config.height
            role = self._role(own, look)
            event = draw_event(rng, config)
            near = None
            if layers and rng.random() < 0.35:
                other = layers[int(rng.integers(len(layers)))].path
                near = other.places[int(rng.integers(config.num_frames))]
            path = planner.draw(event, own, role.upright, near)
            layers.append(self._layer(role, path, number))
            labels.append(role.label)
            if event == "emerge":
                hides.append(self._hide(path, own))
        if rng.random() < 0.6:  # who stands lower in the picture stands in front
            middle = config.num_frames // 2
            layers.sort(key=lambda layer: float(layer.path.places[middle, 1]))
        return Cast((*layers, *hides, *self._occluders(planner)), tuple(labels))

    def _base_size(self, count: int) -> float:
        """Diameter over frame height, one decade apart at most; smaller in crowds."""
        size = 0.46 * 2 ** self._rng.uniform(-1.1, 0.9)
        return float(size / max(1.0, count / 3) ** 0.35)

    def _role(self, size: float, look: int | None) -> Role:
        """Draw an object; with `look` all objects of the clip look alike."""
        rng = self._rng if look is None else np.random.default_rng(look)
        if self._cutouts is not None and rng.random() < self._real_share:
            sequence = self._cutouts.draw(rng)
            sprite = CutoutSprite(self._rng, rng, sequence, size)
            return Role(sprite, sequence.label, False, True, 1.0)
        family = FAMILIES[int(rng.choice(len(FAMILIES), p=self._weights))]
        figure = family(rng)
        squat = float(rng.uniform(0.6, 1.0)) if rng.random() < 0.25 else 1.0
        sprite_of = FigureSprite(rng, figure, size, self._bank)
        label = LABELS[figure.kind]
        return Role(sprite_of, label, figure.follows_heading, figure.upright, squat)

    def _layer(self, role: Role, path: Path, number: int) -> Layer:
        """Mirror side views so that they mostly face where they go."""
        rng = self._rng
        stretch = np.exp(rng.normal(0, 0.08, 2)) * (1.0, role.squat)
        backwards = np.cos(path.heading).mean() < 0
        if not role.heading_up and (backwards ^ (rng.random() < 0.15)):
            stretch[0] = -stretch[0]
        return Layer(role.sprite, path, number, stretch, role.heading_up)

    def _hide(self, path: Path, size: float) -> Layer:
        """Put something unlabelled in front of the place where an object emerges."""
        return self._still_layer(self._cover(), path.origin, 1.5 * size)

    def _occluders(self, planner: PathPlanner) -> list[Layer]:
        """Draw up to three unlabelled things in front of everything."""
        rng, config = self._rng, self._config
        if rng.random() < 0.7:
            return []
        half = np.array([config.width, config.height]) / 2
        layers = []
        for _ in range(int(rng.integers(1, 4))):
            size = config.height * rng.uniform(0.2, 0.7)
            layers.append(self._still_layer(self._cover(), rng.uniform(-1.1, 1.1, 2) * half, size))
        return layers

    def _cover(self) -> Figure:
        """A flat bush, board or pole: no class, no roundness."""
        rng = self._rng
        colour = random_colour(rng, 0.5)
        kind = rng.random()
        if kind < 0.2:
            ragged = np.concatenate([rng.normal(0, 0.1, (3, 2)), rng.normal(0, 0.035, (22, 2))])
            outline, colour = wavy_ring(ragged, 90), colour * (0.6, 0.8, 0.5)
        elif kind < 0.65:
            outline = box(-1, -1, 1, 1)
        else:
            outline = box(-0.15, -2.5, 0.15, 2.5)
        paints = (Paint(colour, float(rng.uniform(0.3, 1.0))),)
        return Figure("", paints, lambda phase: [Part(outline, 0)], roundness=0.0, moves=False)

    def _still_layer(self, figure: Figure, place: Image, size: float) -> Layer:
        count = self._config.num_frames
        zeros = np.zeros(count)
        path = Path(
            np.repeat(np.asarray(place, float)[None], count, axis=0),
            np.ones(count, bool),
            zeros + 1,
            zeros,
            zeros,
            zeros,
            np.asarray(place, float),
        )
        sprite = FigureSprite(self._rng, figure, size, self._bank)
        return Layer(sprite, path, 0, np.ones(2))
