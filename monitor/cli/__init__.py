"""The commands, one file per noun; they parse, call and print."""

from typing import Annotated

import typer

from monitor import __version__
from monitor.cli import (
    alerts,
    backtest,
    check_config,
    db,
    demo,
    explain,
    exports,
    grabs,
    history,
    imports,
    notifications,
    offers,
    poll,
    presets,
    rules,
    run,
    silences,
    simulate,
    stats,
)

app = typer.Typer(
    name="gpu-monitor",
    help="Watch a GPU marketplace: history in SQL, metrics, alerts, purchases.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help and errors: brackets stay, and a log can be searched
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("poll")(poll.poll)
app.command("check-config")(check_config.check_config)
app.command("offers")(offers.offers)
app.command("explain")(explain.explain)
app.command("history")(history.history)
app.command("stats")(stats.stats)
app.command("import")(imports.import_)
app.command("export")(exports.export)
app.command("backtest")(backtest.backtest)
app.add_typer(alerts.app, name="alerts")
app.add_typer(silences.app, name="silence")
app.add_typer(notifications.app, name="notifications")
app.add_typer(notifications.notify, name="notify")
app.add_typer(grabs.app, name="grabs")
app.add_typer(presets.app, name="presets")
app.add_typer(rules.app, name="rules")
app.add_typer(db.app, name="db")
app.command("simulate")(simulate.simulate)
