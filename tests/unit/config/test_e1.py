"""`[gateways.e1]`: what is accepted, what is refused, and the groups that follow from the spans."""

from __future__ import annotations

import pytest

from softswitch.app.gateways.e1 import access_parameters, trunk_settings
from softswitch.config import ConfigError, embedded_defaults, loads
from softswitch.config.changes import changes
from softswitch.config.e1 import parse_slots, split_endpoint
from softswitch.demonstration import services

SPAN = '[[gateways.e1.span]]\nname = "line1"\n'


def test_a_span_alone_makes_a_group() -> None:
    settings = loads(
        SPAN + 'group = "city"\nside = "network"\ntimers = { t309 = 30 }\n[[route]]\nname = "c"\n'
        'prefix = "9"\nto = "gateway:city"\nsource_trunk = "city"\n'
    )
    (group,) = settings.gateways.e1.groups
    assert (group.name, trunk_settings(group).cause_table.value) == ("city", "rfc3398")
    (span,) = settings.gateways.e1.span
    parameters = access_parameters(span)
    assert (parameters.t309, parameters.t304, parameters.t310) == (30, 20, 10), "the network's values of T304 and T310"
    assert 16 not in span.timeslots and len(span.timeslots) == 30


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SPAN + SPAN, "'line1' is there twice"),
        (SPAN + 'slots = "0-5"', "timeslots are 1 to 31"),
        (SPAN + 'slots = "16"', "16 is the D channel"),
        (SPAN + 'local = "here:5070"', "is not an address with a port"),
        ('[[gateways.e1.group]]\nname = "city"', "no span belongs to the trunk group 'city'"),
        (SPAN + '[[route]]\nname = "c"\nprefix = "9"\nto = "gateway:citi"', "there is no gateway 'citi'"),
        (SPAN + 'local = "127.0.0.1:5060"', "both want udp port 5060"),
        (SPAN + 'local = "127.0.0.1:30010"', "inside the media range"),
    ],
)
def test_what_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loads(text)
    assert complaint in str(refused.value)


def test_timeslots_and_endpoints() -> None:
    assert parse_slots("1-3, 17") == (1, 2, 3, 17)
    assert split_endpoint("[2001:db8::1]:5070") == ("2001:db8::1", 5070)


def test_spans_wait_for_a_restart() -> None:
    (change,) = changes(loads(""), loads(SPAN))
    assert not change.live, "spans are opened at the start"


def test_the_demonstration_has_an_exchange() -> None:
    (span,) = embedded_defaults().gateways.e1.span
    assert (span.driver, span.local, span.remote) == ("cesopsn", "127.0.0.1:5070", "127.0.0.1:5071"), "as published"
    assert span.wait, "without the demonstration nobody is at the far end, and that is no fault"
    assert "E1 exchange simulator" in {service.name for service in services(embedded_defaults())}
