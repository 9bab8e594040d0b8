"""An emulated AWS for the whole run, and a topic and a function for each test."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator

import pytest
from function import Function
from moto.server import ThreadedMotoServer
from topic import Topic

NUMBERS = itertools.count()


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
