"""Which part of the market a question is about."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from monitor.market.hostnode import Location
from monitor.market.offer import GpuModel
from monitor.market.quote import Shape


class Model(NamedTuple):
    """A GPU model as one marketplace sells it: what statements about the past are about."""

    marketplace: str
    gpu: GpuModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Offers of GPU models, `None` and `*` being all of them.

    `gpu`, `country`, `location` (its id, city or state) and `hostnode` are globs on whole names,
    whatever their case. A location that did not tell what is asked for is not selected. With a
    `shape` an offer counts while the whole of it could be had there, at its total price.
    """

    marketplace: str | None = None
    gpu: str = "*"
    country: str | None = None
    location: str | None = None
    hostnode: str | None = None
    min_tier: int | None = None
    max_tier: int | None = None
    shape: Shape | None = None

    @property
    def whole_models(self) -> bool:
        """Whether all offers of a model count, at their price per GPU: then roll-ups can tell."""
        return not self.needs_hostnodes and self.hostnode is None

    @property
    def needs_hostnodes(self) -> bool:
        """Whether more must be known of an offer than its own price and count."""
        return self.shape is not None or any(
            each is not None for each in (self.country, self.location, self.min_tier, self.max_tier)
        )

    def has_gpu(self, gpu: str) -> bool:
        """Return whether the GPU model is selected."""
        return fits(gpu, self.gpu)

    def has_hostnode(self, hostnode: str) -> bool:
        """Return whether the hostnode is selected, wherever it stands."""
        return fits(hostnode, self.hostnode)

    def has_location(self, location: Location) -> bool:
        """Return whether the location is selected."""
        tier = location.tier
        return (
            fits(location.country, self.country)
            and any(
                fits(name, self.location) for name in (location.id, location.city, location.state)
            )
            and (self.min_tier is None or (tier is not None and tier >= self.min_tier))
            and (self.max_tier is None or (tier is not None and tier <= self.max_tier))
        )


def fits(name: str | None, glob: str | None) -> bool:
    """Return whether a whole name fits a glob, whatever its case; without a glob, any does."""
    if glob is None:
        return True
    return name is not None and fnmatchcase(name.casefold(), glob.casefold())
