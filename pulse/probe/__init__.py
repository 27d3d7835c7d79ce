"""One HTTP request -> Outcome: deadline, size cap, address guard, closed list of errors.

`probe` makes one and waits; a `Prober` makes thousands at once for the checker.
"""

from pulse.probe.hop import origin_of
from pulse.probe.outcome import Outcome, ProbeError, Timings
from pulse.probe.prober import Prober, probe
from pulse.probe.request import (
    METHODS,
    WITH_BODY,
    BasicAuth,
    BearerAuth,
    InvalidHeaders,
    Request,
    check_headers,
)
from pulse.probe.transfer import USER_AGENT

__all__ = [
    "METHODS",
    "USER_AGENT",
    "WITH_BODY",
    "BasicAuth",
    "BearerAuth",
    "InvalidHeaders",
    "Outcome",
    "ProbeError",
    "Prober",
    "Request",
    "Timings",
    "check_headers",
    "origin_of",
    "probe",
]
