"""Which addresses may be contacted, and the one spelling of a URL."""

from ipaddress import ip_address, ip_network

import pytest

from pulse.addresses import AddressGuard, InvalidUrl, client_address, monitorable_url, network_of, normalise_url

FORBIDDEN = {
    "this network": ("0.0.0.0", "0.255.255.255"),
    "private": ("10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"),
    "carrier-grade NAT": ("100.64.0.0", "100.127.255.255", "100.100.100.200"),
    "loopback": ("127.0.0.0", "127.0.0.1", "127.255.255.255"),
    "cloud agent": ("168.63.129.16",),
    "link-local and metadata": ("169.254.0.0", "169.254.169.254", "169.254.255.255"),
    "protocol assignments": ("192.0.0.0", "192.0.0.8", "192.0.0.170", "192.0.0.192", "192.0.0.255"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.255"),
    "AS112 and AMT": ("192.31.196.1", "192.52.193.1", "192.175.48.1"),
    "6to4 relays": ("192.88.99.1",),
    "benchmarks": ("198.18.0.0", "198.19.255.255"),
    "multicast": ("224.0.0.1", "239.255.255.255"),
    "reserved and broadcast": ("240.0.0.1", "255.255.255.255"),
    "unspecified and loopback v6": ("::", "::1"),
    "v4-compatible": ("::10.0.0.1", "::127.0.0.1", "::8.8.8.8"),
    "v4-mapped": ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8"),
    "v4-translated": ("::ffff:0:127.0.0.1",),
    "NAT64": ("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1::127.0.0.1"),
    "discard": ("100::1", "100:0:0:1::1"),
    "protocol assignments v6": ("2001::1", "2001:2::1", "2001:3::1", "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1"),
    "Teredo": ("2001:0:4136:e378:8000:63bf:3fff:fdd2",),
    "documentation v6": ("2001:db8::1", "3fff::1", "3fff:fff::1"),
    "6to4": ("2002:7f00:1::", "2002:808:808::1"),
    "AS112 v6": ("2620:4f:8000::1",),
    "6bone": ("3ffe::1",),
    "never given out": ("4000::1", "8000::1", "5f00::1"),
    "unique local": ("fc00::1", "fd00:ec2::254"),
    "link-local v6": ("fe80::1", "fe80::1%eth0"),
    "site-local": ("fec0::1",),
    "multicast v6": ("ff02::1", "ff0e::1"),
    "no address at all": ("", "localhost", "127.1", "0x7f.1", "2130706433", "1.2.3.4.5", "１.1.1.1"),
}
EVERY_FORBIDDEN = [(kind, address) for kind, addresses in FORBIDDEN.items() for address in addresses]
PUBLIC = ("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "198.17.255.255")
PUBLIC_V6 = (
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2001:200::1",
    "2a00::1",
    "2003::1",
    "2620:4f:8001::1",
    "3fff:1000::1",
)


@pytest.mark.parametrize(("kind", "address"), EVERY_FORBIDDEN)
def test_an_address_that_is_not_public_is_refused(kind: str, address: str) -> None:
    assert not AddressGuard().permits(address), kind


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_V6])
def test_a_public_address_is_permitted_up_to_the_edges_of_the_forbidden_ones(address: str) -> None:
    assert AddressGuard().permits(address)


def test_an_address_object_is_judged_like_its_text() -> None:
    guard = AddressGuard()

    assert guard.permits(ip_address("8.8.8.8"))
    assert not guard.permits(ip_address("::ffff:127.0.0.1"))


@pytest.mark.parametrize(
    ("allowed", "address"),
    [("10.1.0.0/16", "10.1.2.3"), ("127.0.0.0/8", "127.0.0.1"), ("::1/128", "::1"), ("fd00::/8", "fd12::1")],
)
def test_an_operator_opens_a_network_and_nothing_beside_it(allowed: str, address: str) -> None:
    guard = AddressGuard([ip_network(allowed)])

    assert guard.permits(address)
    assert not guard.permits("10.2.0.1")
    assert not guard.permits("169.254.169.254")


@pytest.mark.parametrize(
    "address", ["64:ff9b::7f00:1", "::ffff:127.0.0.1", "2002:7f00:1::", "::127.0.0.1", "2001:0:7f00:1::f7f7:f7f7"]
)
def test_what_an_opened_wrapper_carries_is_judged_as_well(address: str) -> None:
    every_wrapper = [ip_network(each) for each in ("64:ff9b::/96", "::/96", "::ffff:0:0/96", "2002::/16", "2001::/32")]

    assert not AddressGuard(every_wrapper).permits(address)
    assert AddressGuard([*every_wrapper, ip_network("127.0.0.0/8")]).permits(address)


@pytest.mark.parametrize("address", ["64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1"])
def test_an_opened_wrapper_of_a_public_address_is_permitted(address: str) -> None:
    assert AddressGuard([ip_network("::/0")]).permits(address)


SPELLINGS = [
    ("http://example.com", "http://example.com/"),
    ("  HTTPS://Example.COM:443/a?b=c#fragment ", "https://example.com/a?b=c"),
    ("http://example.com:80", "http://example.com/"),
    ("http://example.com:0443/", "http://example.com:443/"),
    ("http://example.com:/", "http://example.com/"),
    ("http://example.com./", "http://example.com/"),
    ("http://example.com?x", "http://example.com/?x"),
    ("http://my_service.internal/", "http://my_service.internal/"),
    ("https://Bücher.example/ä?ö=ü", "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC"),
    ("https://b%C3%BCcher.example/", "https://xn--bcher-kva.example/"),
    ("https://straße.example/", "https://xn--strae-oqa.example/"),
    ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
    ('http://example.com/a"<b>`{c}^', "http://example.com/a%22%3Cb%3E%60%7Bc%7D%5E"),
    ("http://example.com/%41%zz", "http://example.com/%41%zz"),
    ("http://[2606:4700:0:0::1111]:8080/", "http://[2606:4700::1111]:8080/"),
    ("http://[::FFFF:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
    *[
        (f"http://{spelling}/", "http://127.0.0.1/")
        for spelling in (
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f.1",
            "0x7F000001",
            "0X7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "0x000000000000007f.1",
            "１２７.０.０.１",
            "127。0。0。1",
            "127.0.0．1",
            "①②⑦.0.0.1",
            "127%2e0%2e0%2e1",
            "%31%32%37.1",
        )
    ],
]


@pytest.mark.parametrize(("entered", "stored"), SPELLINGS)
def test_a_url_is_stored_as_what_will_be_connected_to(entered: str, stored: str) -> None:
    assert normalise_url(entered) == stored


@pytest.mark.parametrize("stored", [stored for _, stored in SPELLINGS])
def test_a_stored_url_does_not_change_when_it_is_stored_again(stored: str) -> None:
    assert normalise_url(stored) == stored


REFUSED = [
    "",
    "example.com",
    "//example.com",
    "http:example.com",
    "http:/example.com",
    "ftp://example.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "gopher://x/",
    "http://",
    "http:///path",
    "https://?x",
    "http://:80/",
    "http://.",
    "http://a..b/",
    "http://.example.com/",
    "http://example.com../",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://@example.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:+80/",
    "http://example.com:８０/",
    "http://example.com:http/",
    "http://exa mple.com/",
    "http://example.com/a b",
    "http://example.com\\@10.0.0.1/",
    "http://example.com/\\x",
    "http://example.com/a\r\nHost: x",
    "http://exam\tple.com",
    "http://example.com/\x00",
    "http://example.com/\x7f",
    "http://example.com/\u202e",
    "http://example.com/\ud800",
    "http://exa\u200bmple.com/",
    "http://-a.example/",
    "http://a-.example/",
    f"http://{'a' * 64}.example/",
    f"http://{'a.' * 127}aa/",
    "http://exa!mple/",
    "http://a%00b/",
    "http://a%2fb/",
    "http://%ff/",
    "http://℀.example/",
    "http://☕.example/",
    "http://[::1",
    "http://::1/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[1.2.3.4]/",
    "http://[::1]x/",
    "http://256.1.1.1/",
    "http://1.2.3.4.5/",
    "http://1.2.3.08/",
    "http://4294967296/",
    "http://0x100000000/",
    "http://1..2/",
    "http://example.1/",
    "http://0xg.1/",
    "http://0x7_f.1/",
    "http://" + "9" * 5000 + "/",
]


@pytest.mark.parametrize("entered", REFUSED)
def test_what_is_no_plain_web_address_is_refused_with_a_sentence(entered: str) -> None:
    with pytest.raises(InvalidUrl, match=r"^[A-Z].*\.$"):
        normalise_url(entered)


def test_a_url_has_at_most_2048_characters_as_it_is_stored() -> None:
    longest = "http://example.com/" + "a" * 2029

    assert normalise_url(longest) == longest
    for too_long in (longest + "a", "http://example.com/" + "ä" * 400):
        with pytest.raises(InvalidUrl, match="at most 2,048"):
            normalise_url(too_long)


@pytest.mark.parametrize(
    "entered",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]:80/",
        "http://１０.0.0.1/",
        "https://169.254.169.254/latest",
        "http://localhost/",
        "http://LOCALHOST.:8000/",
        "http://a.localhost/",
    ],
)
def test_a_monitor_cannot_be_given_an_address_that_may_not_be_contacted(entered: str) -> None:
    with pytest.raises(InvalidUrl, match="Only public addresses"):
        monitorable_url(entered, AddressGuard())


def test_a_monitor_can_be_given_names_public_addresses_and_what_the_operator_opened() -> None:
    guard = AddressGuard([ip_network("127.0.0.0/8")])

    assert monitorable_url("https://example.com", guard) == "https://example.com/"
    assert monitorable_url("http://1.1.1.1", guard) == "http://1.1.1.1/"
    assert monitorable_url("http://127.1:8000", guard) == "http://127.0.0.1:8000/"
    assert monitorable_url("http://localhost:8000", guard) == "http://localhost:8000/"


@pytest.mark.parametrize(
    ("address", "place", "surroundings"),
    [
        ("203.0.113.7", "203.0.113.7/32", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.7/32", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("", "", ""),
        (None, "", ""),
        ("not an address", "", ""),
    ],
)
def test_the_network_of_an_address(address, place, surroundings):
    assert (network_of(address), network_of(address, 24, 48)) == (place, surroundings)


@pytest.mark.parametrize(
    ("named", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1:50123 ", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:50123", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:50123", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "unknown"),
        ("unknown", "unknown"),
        ("_hidden", "unknown"),
        ("192.0.2.1:", "unknown"),
        ("192.0.2.1:50:51", "unknown"),
        ("shop.example.com:50", "unknown"),
    ],
)
def test_the_address_in_what_a_proxy_names_a_client_by(named, address):
    assert client_address(named) == address
