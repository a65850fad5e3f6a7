"""The page of panels: for each its query, and a value that it returned from a real Prometheus."""

from collections.abc import Iterator, Mapping, Sequence

from tests.pictures.answers import Answered, Json
from tests.pictures.draw import told

HEAD = """# Every panel, its queries, and what they answered

Written by `make pictures`, from a real Prometheus 2.42 with a month of a simulated market; a test
holds titles and queries to the dashboards. Variables stand as they do in the dashboard: all of
everything was chosen, and for *GPU model* the H100. An answer is the first series' last value, and
how many series there were. The market is simulated; outages, messages, purchases, jobs and the
duration of scrapes are scripted (`tests/pictures/past.py`), so their values show only that the
queries work.
"""


def panels(answers: Mapping[str, Sequence[tuple[Json, Answered | None]]]) -> str:
    """Return the page."""
    parts = [HEAD]
    for uid, drawn in answers.items():
        parts.append(f"\n## {uid}\n")
        parts.extend(each for panel, answered in drawn if answered for each in _panel(answered))
    return "".join(parts)


def _panel(answered: Answered) -> Iterator[str]:
    panel = answered.panel
    yield f"\n### {panel['title']}\n{panel['description']}\n\n"
    for query, answer in zip(answered.queries, answered.answers, strict=True):
        defaults = panel["fieldConfig"]["defaults"]
        if answer:
            labels = ", ".join(f"{k}={v}" for k, v in sorted(answer[0]["metric"].items())[:4])
            _, value = (answer[0].get("values") or [answer[0]["value"]])[-1]
            shown = told(float(value), defaults["unit"], defaults.get("decimals"))
            found = f"{len(answer)} series, first: {labels or 'no labels'} = {shown}"
        else:
            found = f"nothing: it says “{defaults['noValue']}”"
        yield f"```promql\n{query}\n```\n→ {found}\n\n"
