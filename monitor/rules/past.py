"""What a marketplace was like, as far back as any rule looks: the best price of each GPU model.

The *best price* of a model at an instant is the lowest price per GPU hour among its priced offers
with a GPU free: what one would have paid. Over time it is a step function, known from each good
poll to the next one unless they are too far apart (`OUTAGE_INTERVALS`), and there only while the
model can be had.

A `Past` is fed with one good snapshot after the other. What it says depends on these alone: a
daemon that was fed for weeks, one that loaded the same weeks from the database, and a backtest of
them agree to the last nano-dollar. A feeding costs what has changed: windows slide, and are not
summed up anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import Snapshot
from monitor.market.value import value
from monitor.rules.weights import Microseconds, Weights

OUTAGE_INTERVALS = 3
"""After this many poll intervals without a good poll, the time between is not known."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING = NanoDollars(0)
_MICROSECOND = timedelta(microseconds=1)
_DEAD_ENOUGH = 256
"""So many stretches that no window reaches any more are thrown away at once."""


@value
class Needs:
    """What rules ask of the past: the windows they look back, and whether of the last offers."""

    windows: frozenset[timedelta] = frozenset()
    offers: bool = False


_NO_NEEDS = Needs()


@dataclass(slots=True)
class Stretch:
    """Time from `start` to `end` during which the best price was `price` (of polling alone: 0)."""

    start: Microseconds
    end: Microseconds
    price: NanoDollars = _NOTHING


@dataclass(slots=True, kw_only=True)
class Track:
    """The stretches of one model, in order; the last one goes on while it is `open`."""

    stretches: list[Stretch] = field(default_factory=list)
    open: bool = False


@value
class Look:
    """What is known of one model over one window that ends at the last good poll.

    `covered` is the share of the window that was polled, `had` the share of the covered time in
    which the model could be had. `best` tells for how long the best price was which; the present
    one is among them, with no time yet. It goes on with the past that was asked.
    """

    covered: float
    had: float
    best: Weights

    @property
    def median(self) -> NanoDollars:
        """The lowest price that the best one kept at or below for half of the time it was had."""
        return self.best.at((self.best.total - 1) // 2)

    def undercut_for(self, milli: int) -> NanoDollars:
        """Return the highest price that was undercut for at most a share of the time.

        `milli` is the share in thousandths of a percent. What is cheaper than this price is
        cheaper than the best one was for all the rest of the time.
        """
        return self.best.at(self.best.total * milli // 100_000)

    def dearer(self, price: NanoDollars) -> float:
        """Return for which share of the time the best price was above `price`."""
        return self.best.above(price) / self.best.total if self.best.total else 0.0


class Past:
    """The past of one marketplace, for `needs`."""

    def __init__(self, needs: Needs = _NO_NEEDS) -> None:
        self.needs = needs
        self.previous: Snapshot | None = None
        """What was on offer before the snapshot fed last, if `needs.offers`."""
        self._last: Snapshot | None = None
        self._polled: list[Stretch] = []
        self._tracks: dict[GpuModel, Track] = {}
        self._lengths = {window: window // _MICROSECOND for window in needs.windows}
        self._slides: dict[tuple[GpuModel | None, timedelta], _Slide] = {}

    @classmethod
    def known(
        cls,
        needs: Needs,
        *,
        polled: Iterable[tuple[datetime, datetime]],
        tracks: Mapping[GpuModel, Track],
        last: Snapshot | None,
    ) -> "Past":
        """Return the past that is known already: when it was polled, what it was like, and last.

        The last one of `polled` ends at the last good poll.
        """
        past = cls(needs)
        past._polled = [Stretch(micros(start), micros(end)) for start, end in polled]
        past._tracks = dict(tracks)
        past._last = last if needs.offers else None
        past._slide()
        return past

    def feed(self, snapshot: Snapshot, interval: timedelta) -> None:
        """Take in a good snapshot; `interval` is that of polling.

        One that is not later than the last one changes nothing: history has that instant already.
        """
        self.previous = self._last
        at = micros(snapshot.at)
        if self._polled and at <= self._polled[-1].end:
            return
        if self.needs.offers:
            self._last = snapshot
        if self.needs.windows:
            self._extend(at, OUTAGE_INTERVALS * interval // _MICROSECOND, snapshot.offers)
        else:
            self._polled = [Stretch(at, at)]

    def look(self, gpu: GpuModel, window: timedelta) -> Look:
        """Return what is known of one of the windows that are needed, up to the last good poll."""
        covered = self._slides[None, window].weights.total if self._polled else 0
        slide = self._slides.get((gpu, window))
        best = Weights() if slide is None else slide.weights
        return Look(
            covered=covered / self._lengths[window],
            had=best.total / covered if covered else 0.0,
            best=best,
        )

    def _extend(self, at: Microseconds, longest: Microseconds, offers: Iterable[Offer]) -> None:
        unbroken = bool(self._polled) and at - self._polled[-1].end <= longest
        if unbroken:
            self._polled[-1].end = at
        else:
            self._polled.append(Stretch(at, at))
        best = best_prices(offers)
        for track in self._tracks.values():
            if track.open and unbroken:
                track.stretches[-1].end = at
        for gpu in [gpu for gpu, track in self._tracks.items() if gpu not in best and track.open]:
            self._tracks[gpu].open = False
        for gpu, price in best.items():
            track = self._tracks.setdefault(gpu, Track())
            if not (track.open and unbroken and track.stretches[-1].price == price):
                track.stretches.append(Stretch(at, at, price))
            track.open = True
        self._slide()

    def _slide(self) -> None:
        """Move all windows to the last good poll, and forget what none of them reaches."""
        if not self._polled:
            return
        at = self._polled[-1].end
        self._slide_over(None, self._polled, at)
        for gpu, track in self._tracks.items():
            self._slide_over(gpu, track.stretches, at)

    def _slide_over(self, gpu: GpuModel | None, stretches: list[Stretch], at: Microseconds) -> None:
        slides = []
        for window, length in self._lengths.items():
            slide = self._slides.get((gpu, window))
            if slide is None:
                slide = self._slides[gpu, window] = _Slide()
            slide.to(stretches, at - length)
            slides.append(slide)
        dead = min((slide.first for slide in slides), default=0)
        if dead >= _DEAD_ENOUGH:
            del stretches[:dead]
            for slide in slides:
                slide.forget(dead)


class _Slide:
    """A window that slides over stretches: for how long the best price was each of its prices.

    `first` is the place of the first stretch that reaches into it.
    """

    def __init__(self) -> None:
        self.weights = Weights()
        self.first = 0
        self._taken = 0
        self._taken_until: Microseconds = 0
        self._left: Microseconds | None = None

    def to(self, stretches: list[Stretch], left: Microseconds) -> None:
        """Take in what stretches have grown by, and leave out what lies before `left`."""
        self._grow(stretches)
        while self.first < len(stretches) and stretches[self.first].end <= left:
            gone = stretches[self.first]
            self.weights.add(gone.price, self._start(gone) - gone.end, -1)
            self.first += 1
        if self.first < len(stretches) and stretches[self.first].start < left:
            cut = stretches[self.first]
            self.weights.add(cut.price, self._start(cut) - left, 0)
        self._left = left

    def forget(self, count: int) -> None:
        """Count places anew after the first `count` stretches were thrown away."""
        self.first -= count
        self._taken -= count

    def _grow(self, stretches: list[Stretch]) -> None:
        if self._taken:
            last = stretches[self._taken - 1]
            if last.end != self._taken_until:
                self.weights.add(last.price, last.end - self._taken_until, 0)
        for new in stretches[self._taken :]:
            self.weights.add(new.price, new.end - new.start, 1)
        self._taken = len(stretches)
        self._taken_until = stretches[-1].end if stretches else 0

    def _start(self, stretch: Stretch) -> Microseconds:
        """Return from where on a stretch is counted now."""
        return stretch.start if self._left is None else max(stretch.start, self._left)


def best_prices(offers: Iterable[Offer]) -> dict[GpuModel, NanoDollars]:
    """Return the lowest price per GPU hour of each model that has a priced GPU free."""
    best: dict[GpuModel, NanoDollars] = {}
    for offer in offers:
        price = offer.price
        if price is not None and offer.available and price < best.get(offer.gpu, price + 1):
            best[offer.gpu] = price
    return best


def micros(at: datetime) -> Microseconds:
    """Return an instant as whole microseconds, which are added up exactly."""
    return (at - _EPOCH) // _MICROSECOND
