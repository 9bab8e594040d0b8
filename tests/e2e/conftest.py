"""An emulated AWS for the whole run, and a topic and a function for each test."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from function import Function
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.network_acls import NetworkAcl
from moto.server import ThreadedMotoServer
from topic import Topic

NUMBERS = itertools.count()


def teach(resource: type, filters: dict[str, Callable[[Any], object]]) -> None:
    """Has the emulated EC2 know filters of its resources that it lacks; it answers them with an error."""
    known = resource.get_filter_value

    def value(self: Any, filter_name: str, method_name: str | None = None) -> object:
        return filters[filter_name](self) if filter_name in filters else known(self, filter_name, method_name)

    resource.get_filter_value = value


teach(
    NetworkInterface,
    {
        "addresses.association.public-ip": lambda interface: interface.public_ip,
        "association.allocation-id": lambda interface: interface.association.get("allocationId"),
    },
)
teach(NetworkAcl, {"network-acl-id": lambda acl: acl.id})


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of the emulated AWS."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def topic(endpoint: str) -> Topic:
    return Topic(endpoint, f"findings-{next(NUMBERS)}")


@pytest.fixture
def function(endpoint: str, topic: Topic) -> Iterator[Function]:
    """A function that publishes to the topic."""
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as running:
        yield running
