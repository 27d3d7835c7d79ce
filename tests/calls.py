"""One HTTP request to a real server, over a connection of its own."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def call(
    url: str, method: str = "GET", token: str | None = None, body: Any = None, *, agent: str = "", repeat: str = ""
) -> Answer:
    """Send a request and return the answer whatever its status; with a token, a client's name, an `Idempotency-Key` if given."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if repeat:
        headers["Idempotency-Key"] = repeat
    if agent:
        headers["User-Agent"] = agent
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as reply:
            return Answer(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())
