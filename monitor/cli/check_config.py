"""`check-config`: every mistake at once."""

from monitor.cli.common import DEFAULT_CONFIG, ConfigPath, err, read_config


def check_config(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Check the configuration, and tell every mistake with its place; reads no network."""
    found = read_config(config)
    err.print(
        f"{config}: well; {len(found.marketplaces)} marketplaces, {len(found.rules)} rules, "
        f"{len(found.receivers)} receivers, {len(found.presets)} presets, "
        f"{len(found.warnings)} warnings"
    )
