"""The marketplace's answers as msgspec reads them, before anything in them is believed.

The names are the documented ones. Every field may be missing or null (both are `None`) and may be
of any type: a complete union accepts every JSON value in every place, so that one pass over a body
of any shape succeeds, and `decode` judges row by row. Places that most hostnodes share word for
word (location, pricing) stay bytes and are read once.
"""

from typing import Any, TypeAlias

import msgspec

NotAnObject: TypeAlias = list[Any] | str | int | float | bool | None
NotAnArray: TypeAlias = dict[str, Any] | str | int | float | bool | None

NULL = msgspec.Raw(b"null")


class Gpu(msgspec.Struct, gc=False):
    """One element of `available_resources.gpus`; `price_per_hr` is US dollars for one GPU."""

    v0_name: Any = msgspec.field(name="v0Name", default=None)
    available_count: Any = msgspec.field(name="availableCount", default=None)
    price_per_hr: Any = None


class Resources(msgspec.Struct, gc=False):
    """`available_resources`; ports are documented for one hostnode, and seen in lists as well."""

    gpus: list[Gpu | NotAnObject] | NotAnArray = None
    vcpu_count: Any = None
    ram_gb: Any = None
    storage_gb: Any = None
    available_ports: msgspec.Raw = NULL


class Hostnode(msgspec.Struct, gc=False):
    """One element of `data.hostnodes`, or `data` of a single hostnode."""

    id: Any = None
    location_id: msgspec.Raw = NULL
    engine: Any = None
    uptime_percentage: Any = None
    available_resources: Resources | NotAnObject = None
    pricing: msgspec.Raw = NULL
    location: msgspec.Raw = NULL


class Pricing(msgspec.Struct, gc=False):
    """`pricing`: US dollars per hour for one vCPU and for one gigabyte."""

    per_vcpu_hr: Any = None
    per_gb_ram_hr: Any = None
    per_gb_storage_hr: Any = None


class Location(msgspec.Struct, gc=False):
    """`location`; its `uuid` and the hostnode's `location_id` name the same place."""

    uuid: Any = None
    city: Any = None
    stateprovince: Any = None
    country: Any = None
    has_network_storage: Any = None
    network_speed_gbps: Any = None
    network_speed_upload_gbps: Any = None
    organization: Any = None
    organization_name: Any = msgspec.field(name="organizationName", default=None)
    tier: Any = None


class HostnodeList(msgspec.Struct, gc=False):
    """`data` of `GET /hostnodes`; its rows stay bytes, of which most are those of the last poll."""

    hostnodes: list[msgspec.Raw] | NotAnArray = None


class ListAnswer(msgspec.Struct, gc=False):
    """The answer of `GET /hostnodes`; `status` and `error` tell of a failure inside a 200."""

    data: HostnodeList | NotAnObject = None
    status: Any = None
    error: Any = None


class HostnodeAnswer(msgspec.Struct, gc=False):
    """The answer of `GET /hostnodes/{id}`; `status` and `error` tell of a failure inside a 200."""

    data: Hostnode | NotAnObject = None
    status: Any = None
    error: Any = None
