"""`python -m grafana`: write the JSON of all dashboards beside their source."""

from pathlib import Path

from grafana.dashboards import ALL, document

FOLDER = Path(__file__).parent / "json"


def main() -> None:
    """Write one file for each dashboard, named after its uid."""
    for uid in ALL:
        (FOLDER / f"{uid}.json").write_text(document(uid), encoding="utf-8")


if __name__ == "__main__":
    main()
