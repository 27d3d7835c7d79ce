"""Pictures as SVG's own words: where what is drawn, without a word about how it looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from pulse.models.history import Stretch

CELL = 10
"""How wide a place of a picture is, and how tall a strip of hours."""
TALL = 100
"""How tall a chart is; below it lies the lane of failed checks."""
LANE = 14


@dataclass(frozen=True, slots=True)
class Strip:
    """Hours side by side, as three paths: those with checks, the failed share of each, and those without checks."""

    checked: str
    failed: str
    missing: str
    count: int
    failed_hours: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Response times: the range, the middle as a line that breaks at gaps, and the failed checks beneath."""

    places: Sequence[Stretch]
    top_ms: int
    range: str
    middle: str
    failed: str
    width: int
    height: int = TALL + LANE

    @property
    def total(self) -> int:
        """How many checks it shows."""
        return sum(each.total for each in self.places)

    @property
    def only(self) -> Stretch | None:
        """The one place that has checks, which makes no picture; None where several have, or none."""
        with_checks = [each for each in self.places if each.total]
        return with_checks[0] if len(with_checks) == 1 else None

    @property
    def failures(self) -> int:
        """How many of them failed."""
        return sum(each.failed for each in self.places)

    @property
    def scale(self) -> list[tuple[float, int]]:
        """Where the lines of the grid lie, in percent from the top of the whole picture, and how many ms they stand for."""
        if not self.middle:
            return []
        lines = [(0, self.top_ms), (TALL // 2, self.top_ms // 2), (TALL, 0)]
        return [(round(100 * line / self.height, 2), ms) for line, ms in lines if line != TALL // 2 or self.top_ms % 2 == 0]

    @property
    def mean_ms(self) -> int | None:
        """The response time in the middle of all; None where no reply was whole."""
        whole = sum(self.places[1:], self.places[0])
        return None if whole.ms_mean is None else round(whole.ms_mean)


def strip(hours: Sequence[Stretch]) -> Strip:
    """Draw hours; what failed stands in its cell as tall as its share, and never so small that it is not seen."""
    checked, failed, missing = "", "", ""
    for place, hour in enumerate(hours):
        left = place * CELL
        if not hour.total:
            missing += f"M{left + 1} 4.5h8v1h-8z"
            continue
        checked += f"M{left + 1} 0h8v10h-8z"
        if hour.failed:
            tall = round(max(3.0, CELL * hour.failed / hour.total), 1)
            failed += f"M{left + 1} {CELL - tall:g}h8v{tall:g}h-8z"
    return Strip(checked, failed, missing, len(hours), sum(1 for each in hours if each.failed))


def chart(places: Sequence[Stretch]) -> Chart:
    """Draw response times."""
    top = _round_up(max((each.ms_max for each in places if each.ms_max is not None), default=1))
    range_, middle, failed, last = "", "", "", -2
    for place, each in enumerate(places):
        left = place * CELL
        if each.failed:
            failed += f"M{left + 1} {TALL + 4}h{CELL - 2}v{LANE - 4}h-{CELL - 2}z"
        if each.ms_mean is None or each.ms_min is None or each.ms_max is None:
            continue
        high, low, mean = (_height(ms, top) for ms in (each.ms_max, each.ms_min, each.ms_mean))
        range_ += f"M{left} {high:g}h{CELL}V{low:g}h-{CELL}z"
        middle += f"{'L' if last == place - 1 else 'M'}{left} {mean:g}h{CELL}"
        last = place
    return Chart(places, top, range_, middle, failed, len(places) * CELL)


def _height(ms: float, top: int) -> float:
    return round(TALL - TALL * ms / top, 1)


def _round_up(ms: int) -> int:
    """Return the next number that people like to read at an axis."""
    power = 10 ** int(log10(max(ms, 1)))
    return next(each for each in (power, 2 * power, 5 * power, 10 * power) if each >= ms)
