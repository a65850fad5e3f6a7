"""`simulate`: a marketplace to try things against."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.common import duration
from monitor.config.syntax import unreadable
from monitor.config.values import ListenAddress, listen_address
from monitor.errors import ConfigError, Problem
from monitor.listening import listen as open_socket
from monitor.marketplaces.replay import BadLine, ReplayLine, open_replay
from monitor.simulator.catalogue import FAULTS
from monitor.simulator.drift import Drift
from monitor.simulator.faults import Endpoint
from monitor.simulator.generate import generate
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.playback import Playback
from monitor.simulator.scenario import Script, load_scenario
from monitor.simulator.server import base_url, serve
from monitor.simulator.simulation import Simulation
from monitor.simulator.switchboard import FaultError

BAD_LINES_SHOWN = 20
DEFAULT_HOSTNODES = 30
DEFAULT_LISTEN = "127.0.0.1:9471"


def _address(given: str | ListenAddress) -> ListenAddress:
    try:
        return listen_address(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _step(given: str | timedelta) -> timedelta:
    step = duration(given)
    if not step:
        raise typer.BadParameter("must be longer than 0s")
    return step


def _list_faults(wanted: bool) -> None:
    if not wanted:
        return
    for fault in FAULTS.values():
        where = "any call" if set(fault.on) == set(Endpoint) else ", ".join(fault.on)
        typer.echo(f"{fault.name:<22} {fault.does} ({where})")
    raise typer.Exit


def simulate(
    *,
    listen: Annotated[
        ListenAddress,
        typer.Option(parser=_address, metavar="ADDR", help="Address and port; port 0 is any."),
    ] = DEFAULT_LISTEN,  # type: ignore[assignment]  # Typer parses the default as it does an argument
    replay: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Play recorded polls: JSON Lines, gzipped or not."),
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Let happen what a YAML file says.")
    ] = None,
    hostnodes: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help=f"Make up N hostnodes; {DEFAULT_HOSTNODES} if not said."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="The same seed makes the same market.")
    ] = 0,
    token: Annotated[
        str | None, typer.Option(metavar="T", help="Accept this token only; any if not said.")
    ] = None,
    step: Annotated[
        timedelta,
        typer.Option(
            parser=_step,
            metavar="TIME",
            help="Time between two recorded polls, or two moves of a made-up market.",
        ),
    ] = "60s",  # type: ignore[assignment]  # likewise
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[@CALL]", help="Switch a fault on; may be given again."),
    ] = None,
    list_faults: Annotated[  # noqa: ARG001 - its callback does it all
        bool,
        typer.Option(
            "--list-faults", callback=_list_faults, is_eager=True, help="Show all faults."
        ),
    ] = False,
) -> None:
    """Serve a marketplace that is not real, over HTTP, to try rules and buying without money."""
    if replay is not None and hostnodes is not None:
        raise typer.BadParameter("--replay brings its own hostnodes: leave out --hostnodes")
    made_up = _made_up(replay, hostnodes, seed)
    simulation = Simulation(made_up, token=token, seed=seed)
    with ExitStack() as open_until_the_end:
        if replay is not None:
            lines = open_until_the_end.enter_context(_checked_replay(replay))
            simulation.follow(Playback(made_up, simulation.faults, lines, step=step))
        elif scenario is None:
            simulation.follow(Drift(made_up, step=step, seed=seed))
        if scenario is not None:
            simulation.follow(Script(simulation, load_scenario(scenario)))
        _switch_on(simulation, fault or [])
        with open_socket(listen.host, listen.port) as listener:
            _tell(listener, token)
            serve(simulation, listener)


def _made_up(replay: Path | None, hostnodes: int | None, seed: int) -> SimulatedMarket:
    if replay is not None:
        return SimulatedMarket(seed=seed)
    count = DEFAULT_HOSTNODES if hostnodes is None else hostnodes
    return SimulatedMarket(generate(hostnodes=count, seed=seed), seed=seed)


@contextmanager
def _checked_replay(path: Path) -> Iterator[Iterator[ReplayLine]]:
    """Read all of a replay file once to find what is wrong with it, then hand it out.

    Raises:
        ConfigError: it cannot be opened, has bad lines (the first are told), or no poll.
    """
    try:
        with open_replay(path) as lines:
            polls, bad = _survey(lines)
    except OSError as error:
        raise unreadable(str(path), f"cannot be read: {error.strerror}") from None
    if bad:
        raise ConfigError(tuple(_problem(path, line) for line in bad))
    if not polls:
        raise unreadable(str(path), "holds no recorded poll")
    with open_replay(path) as lines:
        yield lines


def _survey(lines: Iterator[ReplayLine]) -> tuple[int, list[BadLine]]:
    """Return how many polls there are, and the first bad lines."""
    polls = 0
    bad: list[BadLine] = []
    for line in lines:
        if not isinstance(line, BadLine):
            polls += 1
        elif len(bad) < BAD_LINES_SHOWN:
            bad.append(line)
    return polls, bad


def _problem(path: Path, line: BadLine) -> Problem:
    return Problem(file=str(path), line=line.line, column=1, where="poll", what=line.reason)


def _switch_on(simulation: Simulation, faults: list[str]) -> None:
    for fault in faults:
        name, at, endpoint = fault.partition("@")
        try:
            simulation.faults.on(name, endpoint=endpoint if at else None)
        except FaultError as error:
            raise typer.BadParameter(str(error), param_hint="--fault") from None


def _tell(listener: socket.socket, token: str | None) -> None:
    known = "anything" if token is None else "…  # the one given to --token"
    typer.echo(
        f"A simulated marketplace listens at {base_url(listener)}; Ctrl-C stops it.\n"
        "Point the monitor at it with:\n\n"
        "marketplaces:\n"
        "  - name: simulated\n"
        "    kind: tensordock\n"
        f"    base_url: {base_url(listener)}\n"
        f"    token: {known}\n",
        err=True,
    )
