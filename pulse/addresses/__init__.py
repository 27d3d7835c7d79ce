"""Which network addresses may be contacted, and the one spelling in which a URL is kept.

The guard is asked at connect time, about the very address that is connected to: see `pulse.probe`.
"""

from pulse.addresses.guard import FORBIDDEN_V4, FORBIDDEN_V6, AddressGuard, is_literal
from pulse.addresses.networks import UNKNOWN, client_address, network_of
from pulse.addresses.urls import LONGEST_URL, InvalidUrl, ascii_host, monitorable_url, normalise_url

__all__ = [
    "FORBIDDEN_V4",
    "FORBIDDEN_V6",
    "LONGEST_URL",
    "UNKNOWN",
    "AddressGuard",
    "InvalidUrl",
    "ascii_host",
    "client_address",
    "is_literal",
    "monitorable_url",
    "network_of",
    "normalise_url",
]
