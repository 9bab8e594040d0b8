"""Where moto 5.2 does otherwise than AWS, and Terraform notices."""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.cloudtrail.models import CloudTrailBackend
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.sqs.models import Queue


def close() -> None:
    """Changes moto for good."""
    trails_by_arn()
    logging_configuration()
    redrive_policies()
    snapshot_permissions()


def snapshot_permissions() -> None:
    """Only the older form of the request is known."""
    known = ElasticBlockStore.modify_snapshot_attribute

    def modify(self: ElasticBlockStore) -> ActionResult:
        changes = self._get_param("CreateVolumePermission")
        if not changes:
            return known(self)
        backend, snapshot = self.ec2_backend, self._get_param("SnapshotId")
        for change, make in {
            "Add": backend.add_create_volume_permission,
            "Remove": backend.remove_create_volume_permission,
        }.items():
            make(snapshot, user_ids=[], groups=[one["Group"] for one in changes.get(change, [])])
        return EmptyResult()

    ElasticBlockStore.modify_snapshot_attribute = modify


def trails_by_arn() -> None:
    """The provider names trails by their ARN. These calls look for a name, and answer 500, which it retries for minutes."""

    def start_logging(self: CloudTrailBackend, name: str) -> None:
        self.get_trail(name).start_logging()

    def stop_logging(self: CloudTrailBackend, name: str) -> None:
        self.get_trail(name).stop_logging()

    def delete_trail(self: CloudTrailBackend, name: str) -> None:
        del self.trails[self.get_trail(name).trail_name]

    CloudTrailBackend.start_logging = start_logging
    CloudTrailBackend.stop_logging = stop_logging
    CloudTrailBackend.delete_trail = delete_trail


def logging_configuration() -> None:
    """It is dropped, and each plan wants to set it again."""
    created, configuration, updated = (
        LambdaFunction.__init__,
        LambdaFunction.get_configuration,
        LambdaFunction.update_configuration,
    )

    def create(self: LambdaFunction, account_id: str, spec: dict[str, Any], region: str, version: int = 1) -> None:
        created(self, account_id, spec, region, version)
        self.logging_config = spec.get("LoggingConfig") or {}

    def get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        return {**configuration(self, on_create), "LoggingConfig": self.logging_config}

    def update(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
        self.logging_config = config_updates.get("LoggingConfig", self.logging_config)
        return updated(self, config_updates)

    LambdaFunction.__init__, LambdaFunction.get_configuration = create, get_configuration
    LambdaFunction.update_configuration = update


def redrive_policies() -> None:
    """One is stored and not returned, and the provider waits for minutes until it is. The other is returned with blanks, and
    each plan wants to take them out.
    """
    known: Any = Queue.attributes

    def attributes(self: Queue) -> dict[str, Any]:
        found = known.fget(self)
        if self.redrive_policy:
            found["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
        if policy := getattr(self, "redrive_allow_policy", None):
            found["RedriveAllowPolicy"] = policy
        return found

    Queue.attributes = property(attributes)
