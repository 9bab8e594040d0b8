"""A DynamoDB table for the state of alerts, as the Terraform module makes it."""

from __future__ import annotations

from typing import Any

import boto3


class Table:
    """A new table of its own on the emulated DynamoDB."""

    def __init__(self, endpoint: str, name: str) -> None:
        session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="eu-west-1")
        self._client = session.client("dynamodb", endpoint_url=endpoint)
        self.name = name
        keys = ["pk", "sk"]
        self._client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ["HASH", "RANGE"])],
        )

    def items(self) -> list[dict[str, Any]]:
        return self._client.scan(TableName=self.name)["Items"]

    def of(self, prefix: str) -> list[dict[str, Any]]:
        """The items whose partition begins with this."""
        return [item for item in self.items() if item["pk"]["S"].startswith(prefix)]

    def end_periods(self) -> None:
        """Ends every quiet period."""
        for item in self.of("groups"):
            self._client.update_item(
                TableName=self.name,
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET ends = :past",
                ExpressionAttributeValues={":past": {"N": "1"}},
            )

    def end_claims(self) -> None:
        """Ends the claim of every digest, as if the environment that has it had stopped long ago."""
        for item in self.of("groups"):
            if "claim" in item:
                self._client.update_item(
                    TableName=self.name,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET claim = :past",
                    ExpressionAttributeValues={":past": {"N": "1"}},
                )

    def delete(self) -> None:
        self._client.delete_table(TableName=self.name)
