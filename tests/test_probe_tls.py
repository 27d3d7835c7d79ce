"""TLS: a certificate is checked unless SSL Verification is off, and each fault has its word."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from pulse.probe import Outcome, ProbeError, Prober, Request, probe
from tests.targets import certified, redirecting, replying, saying, serve
from tests.test_probe import GUARD, at_loopback

LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the targets' certificates."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The authority as a probe is told to trust it."""
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def ask(url: str, ca_file: str | None, **wanted: Any) -> Outcome:
    request = Request(url, **({"timeout": 5.0} | wanted))
    return probe(request, GUARD, ca_file=ca_file, lookup=at_loopback)


@pytest.mark.parametrize("name", ["alice.example", "sub.wild.example", "127.0.0.1"])
def test_a_good_certificate_for_the_name_is_up(authority: trustme.CA, ca_file: str, name: str) -> None:
    with serve(replying(), tls=certified(authority, "alice.example", "*.wild.example", "127.0.0.1")) as target:
        outcome = ask(target.url_for(name), ca_file)

    assert (outcome.up, outcome.error, outcome.certificate_expires_at) == (True, None, None)
    assert outcome.timings.tls > 0


@pytest.mark.parametrize("name", ["bob.example", "127.0.0.1", "sub.alice.example"])
def test_a_certificate_for_another_name_is_a_mismatch(authority: trustme.CA, ca_file: str, name: str) -> None:
    with serve(replying(), tls=certified(authority, "alice.example")) as target:
        outcome = ask(target.url_for(name), ca_file)

    assert (outcome.up, outcome.error, target.requests) == (False, ProbeError.TLS_HOSTNAME_MISMATCH, [])


def test_a_certificate_that_ended_is_expired(authority: trustme.CA, ca_file: str) -> None:
    with serve(replying(), tls=certified(authority, "alice.example", ends=LONG_AGO)) as target:
        outcome = ask(target.url_for("alice.example"), ca_file, wants_certificate=True)

    assert (outcome.up, outcome.error, target.requests) == (False, ProbeError.TLS_EXPIRED, [])
    assert outcome.certificate_expires_at == LONG_AGO


def test_a_certificate_of_an_unknown_authority_is_untrusted(authority: trustme.CA) -> None:
    with serve(replying(), tls=certified(authority, "alice.example")) as target:
        outcome = ask(target.url_for("alice.example"), None)

    assert (outcome.up, outcome.error, target.requests) == (False, ProbeError.TLS_UNTRUSTED, [])


def test_the_environment_does_not_decide_whom_to_trust(
    authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, ca_file)
    monkeypatch.setenv("SSL_CERT_DIR", str(Path(ca_file).parent))
    with serve(replying(), tls=certified(authority, "alice.example")) as target:
        assert ask(target.url_for("alice.example"), None).error is ProbeError.TLS_UNTRUSTED


def test_a_target_that_speaks_no_tls_is_tls_failed() -> None:
    with serve(saying(b"")) as target:
        target.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        outcome = ask(target.url.replace("http:", "https:"), None)

    assert outcome.error is ProbeError.TLS_FAILED


def test_a_target_with_an_outdated_protocol_is_tls_failed(authority: trustme.CA, ca_file: str) -> None:
    context = certified(authority, "alice.example")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    with serve(replying(), tls=context) as target:
        assert ask(target.url_for("alice.example"), ca_file).error is ProbeError.TLS_FAILED


@pytest.mark.parametrize("ends", [None, LONG_AGO])
def test_with_verification_off_any_certificate_will_do(authority: trustme.CA, ends: datetime | None) -> None:
    with serve(replying(), tls=certified(authority, "alice.example", ends=ends)) as target:
        assert ask(target.url_for("bob.example"), None, verify_tls=False).up


def test_verification_is_not_left_off_for_the_next_probe_of_the_same_prober(authority: trustme.CA) -> None:
    with (
        serve(replying(), tls=certified(authority, "alice.example")) as target,
        Prober[bool](GUARD, lookup=at_loopback) as prober,
    ):
        outcomes: dict[bool, Outcome] = {}
        for verify in (True, False, True):
            prober.start(verify, Request(target.url_for("alice.example"), verify_tls=verify))
            while prober.in_flight:
                outcomes.update(prober.poll(5.0))

    assert outcomes[False].up
    assert outcomes[True].error is ProbeError.TLS_UNTRUSTED


def test_a_redirect_does_not_switch_verification_off(authority: trustme.CA) -> None:
    with (
        serve(replying(), tls=certified(authority, "alice.example")) as secure,
        serve(redirecting(secure.url_for("alice.example"))) as plain,
    ):
        outcome = ask(plain.url, None)

    assert outcome.error is ProbeError.TLS_UNTRUSTED


def test_the_end_of_the_certificate_is_told_where_it_is_wanted(authority: trustme.CA, ca_file: str) -> None:
    with serve(replying(), tls=certified(authority, "alice.example", ends=datetime(2041, 2, 3, 4, 5, 6, tzinfo=UTC))) as target:
        outcome = ask(target.url_for("alice.example"), ca_file, wants_certificate=True, verify_tls=False)

    assert outcome.certificate_expires_at == datetime(2041, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_a_file_of_roots_that_is_missing_fails_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        Prober[int](GUARD, ca_file="/nowhere/ca.pem")
