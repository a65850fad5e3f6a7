"""From a preset as it is written to one that makes orders."""

from monitor.config.model import CloudInitConfig, PresetConfig, WriteFileConfig
from monitor.grab.preset import Preset
from monitor.market.instance import CloudInit, WriteFile
from monitor.market.quote import Shape


def preset(config: PresetConfig) -> Preset:
    """Return the preset that `config` describes; an SSH key in it is in the clear."""
    return Preset(
        name=config.name,
        image=config.image,
        shape=Shape(**dict(config.resources)),
        ports=config.port_forwards,
        ssh_key_id=config.ssh_key_id,
        ssh_key=None if config.ssh_key is None else config.ssh_key.reveal(),
        cloud_init=None if config.cloud_init is None else _cloud_init(config.cloud_init),
    )


def _cloud_init(config: CloudInitConfig) -> CloudInit:
    return CloudInit(
        package_update=config.package_update,
        package_upgrade=config.package_upgrade,
        packages=config.packages,
        runcmd=config.runcmd,
        write_files=tuple(map(_write_file, config.write_files)),
    )


def _write_file(config: WriteFileConfig) -> WriteFile:
    return WriteFile(**dict(config))
