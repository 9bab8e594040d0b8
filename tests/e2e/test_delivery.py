"""No finding is lost, whatever becomes of the requests to SNS."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from faults import Faults, error
from function import Function
from payloads import blocked_action, clean, delivery, opened_group
from topic import Topic

NUMBER = 150
MANY = 1_000
# How soon a message must arrive on a topic when requests to the other one fail.
WITHIN_SECONDS = 5


def of(number: int) -> str:
    return delivery(*(blocked_action(eventID=f"00000000-0000-4000-8000-{place:012}") for place in range(number)))


@pytest.fixture(scope="module")
def payload() -> str:
    return of(NUMBER)


def uids(topic: Topic) -> list[str]:
    return [one.document["metadata"]["uid"] for one in topic.receive()]


@pytest.fixture(scope="module")
def expected(endpoint: str, payload: str) -> set[str]:
    """The ids of a run without faults."""
    topic = Topic(endpoint, "fault-free")
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        assert function.invoke(payload).response["findings"] == NUMBER
    arrived = uids(topic)
    assert len(arrived) == len(set(arrived)) == NUMBER
    return set(arrived)


def mixed(number: int, _: dict[str, str]) -> object:
    """Every fault in turn, between requests that succeed."""
    faults = [error("Throttling", 400), error("InternalFailure", 500), "drop", "late", {"0", "3", "9"}]
    return faults[number // 7 % len(faults)] if number % 7 == 0 else None


def every(step: int, fault: object) -> Callable[[int, dict[str, str]], object]:
    return lambda number, _: fault if number % step == 0 else None


def late(number: int, _: dict[str, str]) -> object:
    if number % 9 == 0:
        time.sleep(0.3)
    return None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("throttled", every(4, error("Throttling", 400))),
        ("failing", every(4, error("InternalFailure", 500))),
        ("dropped", every(5, "drop")),
        ("accepted-and-dropped", every(5, "late")),
        ("slow", late),
        ("entries", every(2, {"0", "3", "9"})),
        ("all-entries", every(3, {str(place) for place in range(10)})),
    ],
)
def test_every_finding_arrives_despite(
    endpoint: str, payload: str, expected: set[str], name: str, fault: Callable[[int, dict[str, str]], object]
) -> None:
    topic = Topic(endpoint, f"faults-{name}")
    with Faults(endpoint, fault) as faults, Function(faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        until_it_succeeds(function, payload)
    assert set(uids(topic)) == expected


def until_it_succeeds(function: Function, payload: str) -> None:
    for _ in range(5):
        answer = function.invoke(payload)
        if answer.error_type is None:
            return
        assert answer.error_type == "PublishFailedRetryable", answer.body
    pytest.fail(f"still failing: {answer.body}")


def test_a_thousand_findings_arrive_despite_faults_of_every_kind(endpoint: str, expected: set[str]) -> None:
    topic = Topic(endpoint, "faults-mixed")
    with Faults(endpoint, mixed) as faults, Function(faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        until_it_succeeds(function, of(MANY))
    arrived = set(uids(topic))
    assert len(arrived) == MANY
    assert expected < arrived


def test_every_finding_arrives_when_the_function_is_killed_in_the_middle(
    endpoint: str, payload: str, expected: set[str]
) -> None:
    topic = Topic(endpoint, "faults-killed")
    running: list[Function] = []

    def kill(number: int, _: dict[str, str]) -> object:
        if number == 7:
            running[0].kill()
        return None

    with Faults(endpoint, kill) as faults:
        with Function(faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
            running.append(function)
            function.start(payload)
            function.wait()
        part = uids(topic)
        assert 0 < len(part) < NUMBER
        with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
            assert function.invoke(payload).error_type is None
    assert set(part) | set(uids(topic)) == expected


def test_what_can_never_be_published_fails_each_time_and_the_rest_arrives(endpoint: str, topic: Topic) -> None:
    def denied(_: int, __: dict[str, str]) -> object:
        return error("KMSAccessDenied", 400)

    payload = delivery(blocked_action(), opened_group())
    with Faults(endpoint, denied) as faults, Function(faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        for _ in range(2):
            answer = function.invoke(payload)
            assert answer.error_type == "PublishFailedPermanent"
            assert answer.body["errorMessage"] == "2 of 2 messages could not be published; the first: KMSAccessDenied: no"


def test_a_topic_that_keeps_order_gets_groups_and_ids(endpoint: str) -> None:
    topic = Topic(endpoint, "ordered.fifo")
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        assert function.invoke(delivery(blocked_action(), opened_group())).error_type is None
    assert len(set(uids(topic))) == 2


def test_people_are_told_on_a_topic_of_their_own(endpoint: str, topic: Topic) -> None:
    alerts = Topic(endpoint, "alerts")
    many = [blocked_action(eventID=f"00000000-0000-4000-8000-{place:012}") for place in range(12)]
    with Function(
        endpoint, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=alerts.arn, ALERTS_MIN_SEVERITY="Medium"
    ) as function:
        assert function.invoke(delivery(*many, opened_group())).response["findings"] == 13
    assert len(topic.receive()) == 13
    # A queue gets the document of the first finding; the twelve by one caller are one alert.
    told = alerts.receive()
    rules = sorted(one.document["compliance"]["control"] for one in told)
    assert rules == ["blocked-action", "sg-ingress-world-admin"]
    assert {one.attributes["severity"] for one in told} == {("String", "Medium"), ("String", "Critical")}


def test_a_topic_of_alerts_that_is_gone_does_not_keep_findings_back(endpoint: str, topic: Topic) -> None:
    alerts = Topic(endpoint, "alerts-gone")
    alerts.delete()
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=alerts.arn) as function:
        assert function.invoke(delivery(opened_group())).error_type == "PublishFailedPermanent"
    assert len(topic.receive()) == 1


def hung(arn: str) -> Callable[[int, dict[str, str]], object]:
    """Requests to one topic are never answered."""
    return lambda _, fields: "hang" if fields["TopicArn"] == arn else None


def test_a_topic_that_never_answers_fails_the_invocation_in_time_as_retryable(endpoint: str, topic: Topic) -> None:
    payload = delivery(*(blocked_action(eventID=f"00000000-0000-4000-8000-{place:012}") for place in range(120)))
    with (
        Faults(endpoint, hung(topic.arn)) as faults,
        Function(faults.endpoint, seconds=4, FINDINGS_TOPIC_ARN=topic.arn) as function,
    ):
        answer = function.invoke(payload)
    assert answer.error_type == "PublishFailedRetryable"
    assert "120 of 120 messages could not be published" in answer.body["errorMessage"]


@pytest.mark.parametrize("silent", ["findings", "alerts"])
def test_a_topic_that_never_answers_does_not_keep_the_other_back(endpoint: str, topic: Topic, silent: str) -> None:
    alerts = Topic(endpoint, f"alerts-beside-silent-{silent}")
    topics = {"findings": topic, "alerts": alerts}
    with (
        Faults(endpoint, hung(topics[silent].arn)) as faults,
        Function(
            faults.endpoint, seconds=4, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=alerts.arn
        ) as function,
    ):
        assert function.invoke(delivery(opened_group())).error_type == "PublishFailedRetryable"
    arrived = {name: len(one.receive()) for name, one in topics.items()}
    assert arrived == {"findings": 1, "alerts": 1} | {silent: 0}


def test_a_request_that_hangs_once_is_sent_again(endpoint: str, topic: Topic) -> None:
    def first(number: int, _: dict[str, str]) -> object:
        return "hang" if number == 0 else None

    with Faults(endpoint, first) as faults, Function(faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        assert function.invoke(delivery(opened_group())).error_type is None
    assert len(topic.receive()) == 1


@pytest.mark.parametrize("broken", ["findings", "alerts"])
@pytest.mark.parametrize("fault", ["hang", error("Throttling", 400)], ids=["hung", "throttled"])
def test_the_other_topic_is_served_within_seconds_and_a_retry_loses_nothing(
    endpoint: str, topic: Topic, fault: object, broken: str
) -> None:
    alerts = Topic(endpoint, f"alerts-{broken}-{'hung' if fault == 'hang' else 'throttled'}")
    topics = {"findings": topic, "alerts": alerts}
    failing = topics.pop(broken)
    (other,) = topics.values()
    payload = delivery(opened_group())

    def of_one_topic(_: int, fields: dict[str, str]) -> object:
        return fault if fields["TopicArn"] == failing.arn else None

    with (
        Faults(endpoint, of_one_topic) as faults,
        Function(
            faults.endpoint, seconds=8, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=alerts.arn
        ) as function,
        ThreadPoolExecutor(1) as pool,
    ):
        # A cold start does not count.
        assert function.invoke(delivery(clean())).error_type is None
        begin = time.monotonic()
        answer = pool.submit(function.invoke, payload)
        while not (arrived := other.receive()):
            assert time.monotonic() - begin < WITHIN_SECONDS
            time.sleep(0.05)
        print(f"{broken} {fault if fault == 'hang' else 'throttled'}: {time.monotonic() - begin:.2f} s to the other topic")
        assert answer.result().error_type == "PublishFailedRetryable"
    assert len(arrived) == 1
    assert failing.receive() == []
    # Lambda delivers the payload again.
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=alerts.arn) as function:
        assert function.invoke(payload).error_type is None
    assert len(failing.receive()) == 1


def test_alerts_of_one_rule_and_caller_are_limited(endpoint: str, topic: Topic) -> None:
    alerts = Topic(endpoint, "alerts-limited")
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=alerts.arn) as function:
        for place in range(13):
            assert function.invoke(delivery(blocked_action(eventID=f"00000000-0000-4000-8000-{place:012}"))).error_type is None
    assert len(topic.receive()) == 13
    # The others wait in the memory of the function for the next hour.
    assert len(alerts.receive()) == 10
