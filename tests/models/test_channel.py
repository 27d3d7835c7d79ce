"""Channels: what their targets may be, and what is kept of one that is written back as it is shown."""

import pytest

from pulse.extensions import db, services
from pulse.models.channel import Channel, ChannelFields
from pulse.models.refusals import Faults
from tests.alerts import make_channel

HOOK = "https://hooks.example.com/services/hush"


def change(channel: Channel, person, **fields):
    channel.change(db.session, ChannelFields(**fields), vault=services().vault, guard=services().guard, by=person.actor)
    db.session.commit()


def faults(person, **fields) -> list[str | None]:
    with pytest.raises(Faults) as caught:
        make_channel(person, **fields)
    return [each.field for each in caught.value.faults]


@pytest.mark.parametrize("shown", ["https://hooks.example.com/…", " https://hooks.example.com/%E2%80%A6 "])
def test_a_url_written_back_as_it_is_shown_is_kept(alice, shown):
    channel = make_channel(alice, type="slack", target=HOOK).channel

    change(channel, alice, name="Renamed", target=shown)

    assert (channel.name, channel.target) == ("Renamed", "https://hooks.example.com/…")
    assert services().vault.open(channel.target_sealed) == HOOK


def test_another_url_of_which_a_part_is_left_out_is_refused(alice):
    channel = make_channel(alice, type="slack", target=HOOK).channel

    with pytest.raises(Faults, match="Enter the whole URL"):
        change(channel, alice, target="https://chat.example.com/…")

    assert faults(alice, type="webhook", target="https://hooks.example.com/…") == ["target"]


def test_all_that_is_wrong_with_a_new_channel_is_told_at_once(alice):
    assert faults(alice, name="", type="pigeon", target="") == ["type", "name", "target"]
