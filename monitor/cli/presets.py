"""`presets`: what would be bought, and the very request it would be bought with."""

import json
from typing import Annotated, Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    err,
    print_json,
    print_table,
    read_config,
)
from monitor.cli.poll import chosen
from monitor.config.model import Config, PresetConfig
from monitor.config.presets import preset
from monitor.errors import MonitorError, RefusedError
from monitor.grab.preset import Preset, order
from monitor.market.hostnode import HostnodeId
from monitor.market.instance import Order
from monitor.market.money import show as show_money
from monitor.market.offer import Offer
from monitor.market.quote import Shape, lacks, quote
from monitor.marketplaces.base import Marketplace
from monitor.setup import set_up

app = typer.Typer(no_args_is_help=True, help="What would be bought.")

DIGITS = "0" * 16
"""Stand for those that make the name of each instance its own."""


@app.command("list")
def list_(config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Show the presets that are configured, and the rules that buy with them."""
    settings = read_config(config)
    rows = [_row(each, settings) for each in settings.presets]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("preset", "image", ">GPUs", ">vCPUs", ">RAM GB", ">disk GB", "ports…", "rules…"),
        ([*map(_shown, row.values())] for row in rows),
        empty="no presets are configured",
    )


@app.command("show")
def show(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The preset's name.")],
    hostnode: Annotated[
        str, typer.Option(metavar="ID", help="The hostnode, as `gpu-monitor offers` shows it.")
    ],
    config: ConfigPath = DEFAULT_CONFIG,
    gpu: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Which one, if the hostnode has several.")
    ] = None,
    marketplace: Annotated[
        str | None, typer.Option(help="Which one, if several are configured.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the request that would create an instance on a hostnode; nothing is created.

    The hostnode is read from the marketplace, for the ports it has free. The request is exact but
    for the last 16 digits of the name, and holds what the preset holds, be it secret.
    """
    settings = read_config(config)
    wanted = _preset(settings, name)
    setup = set_up(settings)
    try:
        at, market = setup.marketplaces[chosen(setup, marketplace)]
        offer = _offer(market, HostnodeId(hostnode), gpu)
        asked = _order(wanted, offer)
        body = json.loads(market.request(asked))
    finally:
        setup.close()
    if as_json:
        print_json(body)
        return
    err.print(f"POST {at.base_url}/instances")
    typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
    err.print(_told(offer, wanted.shape))


def _row(config: PresetConfig, settings: Config) -> dict[str, Any]:
    rules = [each.name for each in settings.rules if each.grab and each.grab.preset == config.name]
    return {
        "preset": config.name,
        "image": config.image,
        **dict(config.resources),
        "port_forwards": config.port_forwards,
        "rules": rules,
    }


def _shown(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _preset(settings: Config, name: str) -> Preset:
    for each in settings.presets:
        if each.name == name:
            return preset(each)
    known = ", ".join(each.name for each in settings.presets) or "none"
    raise typer.BadParameter(f"there is no preset `{name}`; configured: {known}", param_hint="NAME")


def _offer(market: Marketplace, hostnode: HostnodeId, gpu: str | None) -> Offer:
    """Return the offer of a hostnode as it is now: the only one, or that of the model `gpu`."""
    try:
        offers = market.hostnode(hostnode).offers
    except RefusedError as error:
        if error.status != 404:  # noqa: PLR2004 - Not Found
            raise
        raise MonitorError(
            f"{market.name} has no hostnode `{hostnode}` now: "
            "`gpu-monitor offers --json` shows their ids"
        ) from None
    found = [each for each in offers if gpu in {None, each.gpu}]
    if len(found) == 1:
        return found[0]
    models = ", ".join(each.gpu for each in offers) or "none"
    raise MonitorError(f"name one of its GPU models with --gpu: the hostnode has {models}")


def _order(wanted: Preset, offer: Offer) -> Order:
    made = order(wanted, name=f"{wanted.name}-gm{DIGITS}", hostnode=offer.hostnode, gpu=offer.gpu)
    if isinstance(made, Order):
        return made
    raise MonitorError(f"there is no request to make on this hostnode: {made}")


def _told(offer: Offer, shape: Shape) -> str:
    """Say what it would cost, and whether the hostnode could carry it."""
    total = quote(offer, shape)
    price = "no price for all its parts" if total is None else f"{show_money(total)} $/h in all"
    missing = lacks(offer, shape)
    return price if missing is None else f"{price}; it would be refused now: {missing}"
