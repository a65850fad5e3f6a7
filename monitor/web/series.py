"""How the program's own series come and go, beyond what prometheus-client does by itself."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Row = tuple[str, ...]
"""The values of a series' labels, in the order of their names."""


def start(
    metric: Counter | Gauge | Histogram, label: str, names: Collection[str], *rest: Iterable[str]
) -> None:
    """Make a series for each combination, and drop those whose `label` is none of `names`."""
    for row in product(names, *rest):
        metric.labels(*row)
    shown = {sample.labels[label] for family in metric.collect() for sample in family.samples}
    for gone in shown.difference(names):
        metric.remove_by_labels({label: gone})


class Table:
    """A gauge whose series are replaced all at once; those `expected` are 0 where none is given."""

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self.expected: Iterable[Row] = ()
        self.rows: Mapping[Row, float] = {}

    def collect(self) -> Iterator[Metric]:
        """Yield the one family, as it is at this instant."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        for row, value in {**dict.fromkeys(self.expected, 0), **self.rows}.items():
            family.add_metric(row, value)
        yield family


class WithoutCreated:
    """A collector without the `_created` series, which in the text format pass for metrics."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        """Yield each family, complete but for those series."""
        for family in self._collector.collect():
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
            yield family
