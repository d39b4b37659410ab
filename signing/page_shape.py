"""Pure. A page as it is shown: cropped, and turned as its scanner or landscape drawing says.

Places are told as a person sees the page: points from the lower left corner of what is shown. The file wants them in
the page's own coordinates, which a turned page turns with it.
"""

from __future__ import annotations

from dataclasses import dataclass

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The shape of one page."""

    box: Box
    """What is shown of it, in its own coordinates."""
    turn: int = 0
    """By how many degrees it is turned to the right when it is shown: 0, 90, 180, 270."""

    @property
    def shown(self) -> Box:
        """The whole of it, as seen."""
        wide, high = self.box[2] - self.box[0], self.box[3] - self.box[1]
        return (0, 0, high, wide) if self.turn in (90, 270) else (0, 0, wide, high)

    def to_file(self, box: Box) -> Box:
        """A box as seen, in the page's own coordinates."""
        return _box(self._own(box[0], box[1]), self._own(box[2], box[3]))

    def as_seen(self, box: Box) -> Box:
        """A box of the file, as seen."""
        return _box(self._seen(box[0], box[1]), self._seen(box[2], box[3]))

    def _own(self, u: float, v: float) -> tuple[float, float]:
        left, bottom, right, top = self.box
        return {
            0: (left + u, bottom + v),
            90: (right - v, bottom + u),
            180: (right - u, top - v),
            270: (left + v, top - u),
        }[self.turn]

    def _seen(self, x: float, y: float) -> tuple[float, float]:
        left, bottom, right, top = self.box
        return {
            0: (x - left, y - bottom),
            90: (y - bottom, right - x),
            180: (right - x, top - y),
            270: (top - y, x - left),
        }[self.turn]

    @property
    def matrix(self) -> list[float] | None:
        """What turns a drawing back, so that it is upright when it is seen; None where nothing is turned."""
        return {
            90: [0.0, 1.0, -1.0, 0.0, 0.0, 0.0],
            180: [-1.0, 0.0, 0.0, -1.0, 0.0, 0.0],
            270: [0.0, -1.0, 1.0, 0.0, 0.0, 0.0],
        }.get(self.turn)


def _box(one: tuple[float, float], other: tuple[float, float]) -> Box:
    x1, x2 = sorted((round(one[0], 2), round(other[0], 2)))
    y1, y2 = sorted((round(one[1], 2), round(other[1], 2)))
    return x1, y1, x2, y2
