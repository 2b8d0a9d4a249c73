"""Vehicle figures: cars, vans and lorries from the side and from above, and two-wheelers."""

import numpy as np

from maskstream_train.data.synthetic.lacquers import (
    BODY,
    GLASS,
    LAMP,
    RIM,
    SHADE,
    TRIM,
    TYRE,
    vehicle_paints,
)
from maskstream_train.data.synthetic.shapes import (
    Figure,
    Part,
    Point,
    box,
    ellipse,
    limb,
    mirrored,
    polygon,
)


class _CarFromSide:
    """Random measures of a car, van or lorry; heights count downwards, `half` is half a length."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.half, self.roof = rng.uniform(0.9, 1.35), -rng.uniform(0.4, 0.8)
        self.belt, self.sill = -rng.uniform(0.02, 0.15), rng.uniform(0.3, 0.4)
        self.front, self.rear = rng.uniform(0.15, 0.75), rng.uniform(0.3, 0.98)
        self.slant_front, self.slant_rear = rng.uniform(0.1, 0.4), rng.uniform(0.0, 0.3)
        self.wheel, self.pillars = rng.uniform(0.19, 0.28), int(rng.integers(1, 4))
        self.spokes, self.van = int(rng.integers(3, 7)), rng.random() < 0.25
        self.lower_band = rng.random() < 0.4
        if self.van:
            self.rear = 0.97

    def pose(self, phase: float) -> list[Part]:
        """Return the parts, wheels last."""
        wheels = [*self._wheel(0.62 * self.half, phase), *self._wheel(-0.62 * self.half, phase)]
        return [*self._cabin(), *self._sides(), *wheels]

    def _cabin(self) -> list[Part]:
        half, roof, belt = self.half, self.roof, self.belt
        base = [(self.front * half, belt), (self.front * half - self.slant_front * half, roof)]
        base += [(-self.rear * half + self.slant_rear * half, roof), (-self.rear * half, belt)]
        parts = [
            Part(polygon(*base), BODY),
            Part(box(-half, belt - 0.05, half, self.sill, 0.45), BODY),
        ]
        parts.append(Part(polygon(*(self._glass(x, y) for x, y in base)), GLASS))
        for pillar in range(self.pillars):
            along = (self.front + self.rear) * (pillar + 0.9) / (self.pillars + 0.9)
            x = half * (along - self.rear)
            parts.append(Part(box(x - 0.03, roof, x + 0.03, belt), BODY))
        return parts

    def _glass(self, x: float, y: float) -> Point:
        """Shrink a point of the cabin towards its middle."""
        middle = (self.half * (self.front - self.rear) / 2, (self.roof + self.belt) / 2)
        return middle[0] + 0.86 * (x - middle[0]), middle[1] + 0.78 * (y - middle[1])

    def _sides(self) -> list[Part]:
        half, sill = self.half, self.sill
        cargo = Part(box(-0.98 * half, self.roof, 0.05 * half, 0.5 * sill, 0.1), SHADE)
        band = Part(box(-0.97 * half, 0.55 * sill, 0.97 * half, sill), TRIM)
        return [
            *([cargo] if self.van else []),
            *([band] if self.lower_band else []),
            Part(box(0.88 * half, 0.0, 0.99 * half, 0.12, 0.5), LAMP),
            Part(box(-0.99 * half, 0.0, -0.92 * half, 0.14, 0.5), LAMP),
            Part(box(-0.05 * half, 0.06, 0.06 * half, 0.09), TRIM),
        ]

    def _wheel(self, x: float, phase: float) -> list[Part]:
        sill, radius = self.sill, self.wheel
        parts = [Part(ellipse((x, sill), (radius, radius)), TYRE)]
        parts.append(Part(ellipse((x, sill), (0.62 * radius, 0.62 * radius), corners=14), RIM))
        for spoke in range(self.spokes):
            turn = 2 * phase + 2 * np.pi * spoke / self.spokes
            reach = 0.58 * radius
            end = (x + reach * float(np.cos(turn)), sill + reach * float(np.sin(turn)))
            parts.append(Part(limb((x, sill), end, 0.025, 0.02), TYRE))
        return parts


def car_from_side(rng: np.random.Generator) -> Figure:
    """Draw a car, van or lorry seen from the side, with turning wheels."""
    car = _CarFromSide(rng)
    return Figure("truck" if car.van else "car", vehicle_paints(rng), car.pose)


def car_from_above(rng: np.random.Generator) -> Figure:
    """Draw a car seen from a high camera, nose up; `tilt` shows more of its front or its back."""
    width, tilt = rng.uniform(0.4, 0.52), rng.uniform(-0.12, 0.12)
    nose, screen, roof, back, tail = -1.0, -0.42 + tilt, -0.18 + tilt, 0.45 + tilt, 0.66 + tilt
    taper, cabin = rng.uniform(0.65, 0.95), rng.uniform(0.72, 0.86)
    sunroof, mirrors, creases, estate = rng.random(4) < (0.3, 0.85, 0.7, 0.35)
    tail = 0.9 if estate else tail

    def pose(phase: float) -> list[Part]:
        w, c = width, cabin * width
        hull = mirrored(
            *((0.45 * w, nose), (taper * w, nose + 0.08), (w, nose + 0.35)),
            *((1.02 * w, 0.0), (w, 0.7), (0.93 * w, 0.93), (0.55 * w, 1.0)),
        )
        parts = [Part(hull, BODY)]
        if mirrors:
            parts.append(Part(box(0.95 * w, screen, 1.25 * w, screen + 0.1, 0.8), SHADE))
            parts.append(Part(box(-1.25 * w, screen, -0.95 * w, screen + 0.1, 0.8), SHADE))
        parts.append(Part(mirrored((0.88 * w, screen), (0.97 * w, roof), (0.97 * w, tail)), SHADE))
        parts.append(Part(mirrored((c, screen + 0.05), (0.92 * w, back), (c, tail)), GLASS))
        top = mirrored((0.8 * c, screen - 0.02), (c, roof), (c, back), (0.85 * c, tail))
        parts.append(Part(top, GLASS))
        parts.append(Part(mirrored((0.88 * c, roof), (0.93 * c, 0.1), (0.88 * c, back)), BODY))
        if sunroof:
            parts.append(Part(box(-0.5 * c, roof + 0.06, 0.5 * c, roof + 0.3, 0.3), GLASS))
        if creases:
            for side in (-1, 1):
                ends = ((0.5 * side * w, nose + 0.1), (0.62 * side * w, screen - 0.06))
                parts.append(Part(limb(*ends, 0.012, 0.012), SHADE))
        for side in (-1, 1):
            parts.append(Part(ellipse((side * 0.68 * w, nose + 0.12), (0.12 * w, 0.07)), TRIM))
            parts.append(Part(ellipse((side * 0.75 * w, 0.95), (0.17 * w, 0.045)), LAMP))
        parts.append(Part(box(-0.22 * w, 0.94, 0.22 * w, 0.985), TRIM))
        return parts

    return Figure(
        "car", vehicle_paints(rng), pose, follows_heading=True, upright=False, moves=False
    )
