"""The text of a token."""

import re
from collections import Counter
from zlib import crc32

import pytest

from pulse import tokens


def base62(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = tokens.ALPHABET[digit] + digits
    return digits


def test_a_token_has_the_published_shape():
    token = tokens.mint()

    assert re.fullmatch(r"pulse_[0-9A-Za-z]{46}", token)


def test_the_last_six_are_the_checksum_of_all_before():
    token = tokens.mint()

    assert token[-6:] == base62(crc32(token[:-6].encode())).rjust(6, "0")


def test_the_checksum_is_padded_to_six_digits():
    assert tokens.checksum("pulse_" + "0" * 40) == base62(crc32(b"pulse_" + b"0" * 40)).rjust(6, "0")
    assert len({len(tokens.checksum(f"pulse_{number:040}")) for number in range(3000)}) == 1


def test_no_token_is_minted_twice_and_every_character_is_as_likely():
    minted = [tokens.mint() for _ in range(2000)]

    counts = Counter("".join(token[6:46] for token in minted))

    assert len(set(minted)) == 2000
    assert set(counts) == set(tokens.ALPHABET)
    assert min(counts.values()) > 1000 > max(counts.values()) - 700  # 1,290 expected of each


def test_two_tokens_share_no_more_than_chance_would_have_it():
    minted = [tokens.mint() for _ in range(2000)]

    assert len({token[6:14] for token in minted}) == 2000
    assert len({token[-8:] for token in minted}) == 2000


@pytest.mark.parametrize(
    "mistake",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "\n",
        lambda token: token.upper(),
        lambda token: token.replace("pulse_", "plums_"),
        lambda token: token[:10] + ("a" if token[10] != "a" else "b") + token[11:],
        lambda token: token[:20] + token[21] + token[20] + token[22:] if token[20] != token[21] else token[:-1],
        lambda token: token[:12] + "é" + token[13:],
        lambda token: token[:12] + "٣" + token[13:],
        lambda token: "",
    ],
)
def test_a_mistyped_token_is_not_well_formed(mistake):
    assert not tokens.is_well_formed(mistake(tokens.mint()))


def test_the_digest_is_of_32_bytes_and_the_last_eight_are_shown():
    token = tokens.mint()

    assert len(tokens.digest(token)) == 32
    assert tokens.last_eight(token) == token[-8:]
