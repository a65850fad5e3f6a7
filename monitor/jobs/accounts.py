"""The accounts of buying: shows in the metrics what there is, what it costs and what came of it."""

from datetime import datetime

from monitor.grab.figures import figures
from monitor.grab.standing import Standing
from monitor.jobs.shared import SECOND, Shared, job
from monitor.provision.stop_file import stopped_by
from monitor.scheduler import Job
from monitor.store.grabs import Books


class Accounts:
    """Reads the book now and then; whatever process or command wrote it is seen."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._books = Books(shared.database)
        self._seen: int | None = None

    def jobs(self) -> list[Job]:
        """Return the job that shows how buying stands."""
        return [job("account", self._show, 5 * SECOND, minutes=1)]

    def _show(self, now: datetime) -> None:
        buying, metrics = self._shared.setup.buying, self._shared.metrics.buying
        with self._books.reading() as book:
            standing = Standing.read(book, buying, now)
            self._seen, reached = book.reached(self._seen)
        metrics.count(reached)
        metrics.show(figures(standing, buying, stopped=stopped_by(buying.stop_file) is not None))
