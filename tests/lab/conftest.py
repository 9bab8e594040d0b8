"""An AWS on loopback, and every example of the module applied to it, at the same time and each in an account of its own."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import approval
import delivery
import gaps
import package
import pytest
from aws import Aws
from deployment import Deployment
from front import Front
from function import ROOT, binary
from invoker import Invoker
from terraform import Terraform

# Those that every test of a deployment runs with.
EXAMPLES = ["single-account", "organization", "existing-log-group"]
POLICY_FILE = Path(__file__).with_name("remediation.yml")
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]


@pytest.fixture(scope="session")
def front() -> Front:
    return Front()


@pytest.fixture(scope="session")
def aws(front: Front) -> Iterator[Aws]:
    gaps.close()
    running = Aws(front)
    yield running
    running.close()


@pytest.fixture(scope="session")
def invoker(aws: Aws) -> Iterator[Invoker]:
    running = Invoker(aws.endpoint, aws.assume)
    delivery.install(running)
    approval.install()
    yield running
    running.close()


@pytest.fixture(scope="session")
def zip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bootstrap` under test."""
    return packed(binary("bootstrap", "TRAILWARDEN_BOOTSTRAP"), tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def remediator_zip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `remediator` under test."""
    return packed(binary("remediator", "TRAILWARDEN_REMEDIATOR"), tmp_path_factory.mktemp("remediator"))


def packed(program: Path, directory: Path) -> Path:
    """A binary without debug information in a zip file like those that people deploy."""
    stripped = directory / "stripped"
    subprocess.run(["strip", "-o", stripped, program], check=True)
    package.write(stripped.read_bytes(), directory / "package.zip", level=1)
    return directory / "package.zip"


@pytest.fixture(scope="session")
def deployments(
    aws: Aws, invoker: Invoker, zip_file: Path, remediator_zip_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Deployment]]]:
    """Each example, by its name. In the end all are destroyed, and nothing may be left."""
    tree = tmp_path_factory.mktemp("module") / "terraform"
    shutil.copytree(ROOT / "terraform", tree, ignore=shutil.ignore_patterns(".terraform*", "tests"))
    common = {"package_file": str(zip_file), "architecture": ARCHITECTURE}

    def directory(example: str) -> Path:
        return tree / "examples" / example

    prepared = [prepare(aws, invoker, directory, common) for prepare in (single_account, organization, existing_log_group)]
    prepared.append(remediation(aws, invoker, directory, {**common, "remediator_package_file": str(remediator_zip_file)}))
    with ThreadPoolExecutor() as pool:
        yield {name: pool.submit(one.apply) for name, one in zip([*EXAMPLES, "remediation"], prepared, strict=True)}
        list(pool.map(lambda one: one.terraform.destroy(), prepared))
    assert [one.terraform.left() for one in prepared] == [[]] * len(prepared)


Directory = Callable[[str], Path]


def single_account(aws: Aws, invoker: Invoker, directory: Directory, common: dict[str, str]) -> Deployment:
    account, region = "111111111111", "us-east-1"
    keys = aws.administrator(account)
    terraform = Terraform(directory("single-account"), keys, region, {**common, "email": "security@example.com"})
    stream = f"{account}_CloudTrail_{region}"
    return Deployment(aws, invoker, terraform, account, region, stream, "trailwarden-trail-to-logs", keys)


def organization(aws: Aws, invoker: Invoker, directory: Directory, common: dict[str, str]) -> Deployment:
    # The Region that the example names.
    account, region = "222222222222", "eu-west-1"
    keys = aws.administrator(account)
    created = keys.client("organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]
    terraform = Terraform(directory("organization"), keys, region, {**common, "organization_id": created})
    stream = f"{created}_{account}_CloudTrail_{region}"
    return Deployment(aws, invoker, terraform, account, region, stream, "trailwarden-trail-to-logs", keys)


def existing_log_group(aws: Aws, invoker: Invoker, directory: Directory, common: dict[str, str]) -> Deployment:
    """With a trail that somebody else has made."""
    account, region, group, bucket, role = "333333333333", "eu-central-1", "org-trail-logs", "org-trail-bucket", "to-logs"
    keys = aws.administrator(account)
    keys.client("logs", region).create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{region}:{account}:log-group:{group}"
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}
    write = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"{arn}:log-stream:*"}
    iam = keys.client("iam")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    policy = json.dumps({"Version": "2012-10-17", "Statement": [write]})
    iam.put_role_policy(RoleName=role, PolicyName="write", PolicyDocument=policy)
    given = {"log_group_name": group, "bucket_name": bucket, "trail_arn": f"arn:aws:cloudtrail:{region}:{account}:trail/org"}
    terraform = Terraform(directory("existing-log-group"), keys, region, {**common, **given})
    return Deployment(aws, invoker, terraform, account, region, f"{account}_CloudTrail_{region}", role, keys)


def remediation(aws: Aws, invoker: Invoker, directory: Directory, common: dict[str, str]) -> Deployment:
    """With a policy file that allows more than that of the example."""
    account, region = "444444444444", "eu-west-1"
    keys = aws.administrator(account)
    given = {"email": "security@example.com", "policy_file": str(POLICY_FILE), "deletion_protection": "false"}
    given["external_id"] = "o-abcdefghij"
    terraform = Terraform(directory("remediation"), keys, region, {**common, **given})
    stream = f"{account}_CloudTrail_{region}"
    return Deployment(aws, invoker, terraform, account, region, stream, "trailwarden-trail-to-logs", keys)


@pytest.fixture(scope="session", params=EXAMPLES)
def deployment(request: pytest.FixtureRequest, deployments: dict[str, Future[Deployment]]) -> Deployment:
    """Every example in turn."""
    return deployments[request.param].result()


@pytest.fixture(scope="session", name="single_account")
def single_account_deployment(deployments: dict[str, Future[Deployment]]) -> Deployment:
    return deployments["single-account"].result()


@pytest.fixture(scope="session", name="remediation")
def remediation_deployment(deployments: dict[str, Future[Deployment]]) -> Deployment:
    return deployments["remediation"].result()


@pytest.fixture(scope="session", name="organization")
def organization_deployment(deployments: dict[str, Future[Deployment]]) -> Deployment:
    return deployments["organization"].result()


@pytest.fixture(autouse=True)
def nothing_left_over(request: pytest.FixtureRequest) -> None:
    """A test that failed leaves its messages to no other."""
    for name in {"deployment", "single_account", "organization", "remediation"} & set(request.fixturenames):
        deployed = request.getfixturevalue(name)
        for queue in (deployed.findings_queue, deployed.alerts_queue, deployed.made["on_failure_queue_url"]):
            deployed.received(queue)
        # Nor a quiet period, in which other tests would hear of nothing.
        table = deployed.client("dynamodb")
        for item in table.scan(TableName="trailwarden-state")["Items"]:
            table.delete_item(TableName="trailwarden-state", Key={"pk": item["pk"], "sk": item["sk"]})
