"""`check-config`: every mistake at once."""

from monitor.cli.common import DEFAULT_CONFIG, ConfigPath, count, err, read_config


def check_config(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Check the configuration, and tell every mistake with its place; reads no network."""
    found = read_config(config)
    parts = {
        "marketplace": found.marketplaces,
        "rule": found.rules,
        "receiver": found.receivers,
        "preset": found.presets,
        "warning": found.warnings,
    }
    err.print(f"{config}: well; {', '.join(count(len(all_), n) for n, all_ in parts.items())}")
