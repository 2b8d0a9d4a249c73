"""How objects move: paths with events, stop and go."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from maskstream_train.data.synthetic.camera import Camera
from maskstream_train.data.synthetic.config import Image, SyntheticConfig

Event = Literal["stay", "enter", "leave", "appear", "vanish", "pause", "return", "emerge"]
EVENTS: tuple[Event, ...] = ("enter", "leave", "emerge", "return", "appear", "vanish", "pause")
EVENT_WEIGHTS = np.array([0.28, 0.3, 0.18, 0.08, 0.04, 0.06, 0.06])
LONG = 12
"""Clips from this many frames on are seen as one piece of film, shorter ones as samples of it."""


@dataclass(frozen=True)
class Path:
    """One object over time, in the world of the camera.

    Attributes:
        places: (T, 2) world pixels.
        shown: bool (T,), False while the object is away.
        scale: (T,) factor on its size.
        angle: (T,) radians.
        phase: (T,) radians of its limbs' cycle.
        heading: (T,) radians, direction of motion.
        origin: (2,) where it is at the moment of its event, in world pixels.
    """

    places: Image
    shown: Image
    scale: Image
    angle: Image
    phase: Image
    heading: Image
    origin: Image


def progress(rng: np.random.Generator, times: Image) -> Image:
    """Return how far an object has come, in frames at its usual speed: accelerates, stops, goes."""
    length = int(times[-1]) + 2
    grid = np.arange(length) / length
    pace = 1 + rng.uniform(-0.6, 0.6) * (grid - 0.5) + 0.2 * np.sin(grid * rng.uniform(2, 20))
    if rng.random() < 0.25:
        middle, width = rng.random(), rng.uniform(0.1, 0.5)
        pace = pace * np.clip(np.abs(grid - middle) / width * 2 - 0.5, 0, 1)
    done = np.concatenate([[0.0], np.cumsum(np.maximum(pace, 0))])
    return np.asarray(np.interp(times, np.arange(length + 1), done))


def draw_event(rng: np.random.Generator, config: SyntheticConfig) -> Event:
    """Draw what an object does in the clip; a single frame has no events."""
    if config.num_frames < 2 or rng.random() >= config.event_ratio:
        return "stay"
    event = EVENTS[int(rng.choice(len(EVENTS), p=EVENT_WEIGHTS))]
    return "enter" if event == "return" and config.num_frames < LONG else event


class PathPlanner:
    """Draws the paths of one clip's objects; all lengths in pixels."""

    def __init__(
        self, rng: np.random.Generator, config: SyntheticConfig, camera: Camera, times: Image
    ) -> None:
        """Keep what all paths of the clip share."""
        self._rng, self._config, self._camera, self._times = rng, config, camera, times
        self._half = np.array([config.width, config.height]) / 2

    def draw(self, event: Event, size: float, upright: bool, near: Image | None = None) -> Path:
        """Draw a path for an object of `size` (about its diameter), starting `near` a place."""
        rng, times = self._rng, self._times
        done = progress(rng, times)
        moment = float(done[-1]) * self._moment(event)
        direction = self._direction(upright)
        speed = self._speed(size, done[-1], event)
        origin = self._origin(event, direction, size, near)
        steps = (done - moment) * speed
        if event == "return":
            steps = -np.abs(steps)
        places = origin + direction * steps[:, None]
        if event in ("stay", "appear", "vanish", "pause"):
            places = places + self._wander(size)
        frame = int(np.argmin(np.abs(done - moment)))
        places = places + self._camera.shift[frame]
        velocity = np.gradient(places, axis=0) if len(times) > 1 else direction[None]
        still = np.abs(velocity).sum(axis=1, keepdims=True) < 1e-6
        velocity = np.where(still, direction * (1e-6 + np.sign(speed)), velocity)
        heading = np.arctan2(velocity[:, 1], velocity[:, 0])
        if event == "return" and len(times) > 1:
            heading = np.full(len(times), np.arctan2(direction[1], direction[0]))
        cycle = rng.uniform(0.1, 0.9) if rng.random() < 0.85 else 0.0
        return Path(
            places,
            self._shown(event, done, moment),
            np.exp(self._slope(0.25) * (times / max(times[-1], 1.0) - 0.5)),
            self._turn(upright),
            rng.uniform(0, 6.28) + cycle * done,
            heading,
            origin + self._camera.shift[frame],
        )

    def _moment(self, event: Event) -> float:
        """Share of the clip before the event; who emerges is hidden first, last or between."""
        if event == "emerge":
            return float(self._rng.choice([0.0, 0.0, 0.5, 1.0]))
        return float(self._rng.uniform(0.12, 0.85))

    def _direction(self, upright: bool) -> Image:
        """People and side views mostly go sideways; the rest go anywhere."""
        angle = self._rng.uniform(0, 2 * np.pi)
        direction = np.array([np.cos(angle), np.sin(angle)])
        if upright and self._rng.random() < 0.7:
            direction = direction * (1.0, 0.25)
        return np.asarray(direction / (np.abs(direction).max() + 1e-9))

    def _speed(self, size: float, duration: float, event: Event) -> float:
        """Pixels per frame; slow enough that an object stays for a good part of a long clip."""
        low, high = (0.016, 0.085) if event != "stay" else (0.0008, 0.04)
        speed = np.exp(self._rng.uniform(np.log(low), np.log(high))) * self._config.width
        if event == "emerge":
            speed = max(speed, 1.3 * size / max(duration, 1.0))
        limit = (2 * self._half.max() + size) * 1.5 / max(duration, 1.0)
        return float(min(speed, limit) * self._config.speed)

    def _origin(self, event: Event, direction: Image, size: float, near: Image | None) -> Image:
        """Where the object is at its moment: just outside a border, or somewhere inside."""
        inside = self._rng.uniform(-0.85, 0.85, 2) * self._half
        if near is not None:
            inside = np.clip(near + self._rng.normal(0, 0.35 * size, 2), -self._half, self._half)
        if event not in ("enter", "leave", "return"):
            return inside
        outward = -direction if event == "enter" else direction
        axis = 0 if self._rng.random() < abs(direction[0]) / np.abs(direction).sum() else 1
        beyond = (0.35 if event == "enter" else 0.45) * size
        inside[axis] = np.sign(outward[axis]) * (self._half[axis] + beyond)
        return inside

    def _wander(self, size: float) -> Image:
        """A slow loop, so that objects that stay do not run straight."""
        time = self._times / max(len(self._times), LONG)
        reach = self._rng.uniform(0, 0.25, 2) * size * self._config.speed
        turns = self._rng.uniform(1, 7, 2)
        return np.asarray(np.sin(time[:, None] * turns + self._rng.uniform(0, 6, 2)) * reach)

    def _shown(self, event: Event, done: Image, moment: float) -> Image:
        shown = np.ones(len(done), bool)
        if event == "appear":
            shown = done >= moment
        elif event == "vanish":
            shown = done <= moment
        elif event == "pause":
            gap = self._rng.uniform(0.5, max(1.0, min(20.0, len(done) / 4)))
            shown = np.abs(done - moment) > gap
        return shown

    def _slope(self, spread: float) -> float:
        return float(self._rng.normal(0, spread) * min(1.0, len(self._times) / LONG))

    def _turn(self, upright: bool) -> Image:
        rng, count = self._rng, len(self._times)
        start = rng.normal(0, 0.08) if upright and rng.random() < 0.9 else rng.uniform(0, 6.28)
        rate = 0.0 if upright else rng.normal(0, 0.04)
        sway = 0.03 * np.sin(np.arange(count) * rng.uniform(0, 1))
        return np.asarray(start + rate * self._times + sway)
