"""What would be bought, and within which limits."""

from datetime import timedelta

from monitor.config.model.table import Table
from monitor.config.values import (
    AbsolutePath,
    Count,
    Dollars,
    EvenCount,
    Flag,
    InstanceName,
    Lines,
    Permissions,
    Ports,
    SomeTime,
    SshKey,
    Storage,
    Text,
    Texts,
)
from monitor.grab.grab import Mode
from monitor.grab.wish import Orphans, WhenDearer


class PresetResourcesConfig(Table):
    """What one instance is made of; the marketplace's own limits are those seen by its users."""

    gpu_count: Count = 1
    vcpu_count: EvenCount
    ram_gb: Count
    storage_gb: Storage


class WriteFileConfig(Table):
    """A file that cloud-init writes at the first boot."""

    path: AbsolutePath
    content: str
    owner: Text | None = None
    permissions: Permissions | None = None
    encoding: Text | None = None
    append: Flag | None = None


class CloudInitConfig(Table):
    """The part of cloud-init that the marketplace takes."""

    package_update: Flag = False
    package_upgrade: Flag = False
    packages: Texts = ()
    runcmd: Lines = ()
    write_files: tuple[WriteFileConfig, ...] = ()


class PresetConfig(Table):
    """An instance as it is bought; exactly one of `ssh_key_id` and `ssh_key` is given."""

    name: InstanceName
    image: Text
    resources: PresetResourcesConfig
    ssh_key_id: Text | None = None
    ssh_key: SshKey | None = None
    port_forwards: Ports = (22,)
    cloud_init: CloudInitConfig | None = None


class GrabConfig(Table):
    """Whether anything is bought, and the limits over all rules together (nano-dollars).

    `stop_file` is relative to the working folder; while it exists nothing is bought.
    """

    mode: Mode = Mode.DRY_RUN
    max_instances: Count | None = None
    max_total_per_hour: Dollars | None = None
    max_spend_per_day: Dollars | None = None
    max_spend_per_month: Dollars | None = None
    max_creates_per_hour: Count | None = None
    stop_file: Text = "data/STOP"
    approve_within: SomeTime = timedelta(minutes=15)
    max_attempts: Count = 5
    host_cooldown: SomeTime = timedelta(minutes=10)
    orphans: Orphans = Orphans.TELL
    when_dearer: WhenDearer = WhenDearer.TELL
