"""An AWS on loopback: moto, and what is needed to see a function at work in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Any

import boto3
from moto.iam.models import iam_backends
from werkzeug.serving import make_server

import gate

FALLBACK_REGION = "us-east-1"


@dataclass(frozen=True)
class Keys:
    """Who calls AWS: an access key and where AWS is."""

    endpoint: str
    access_key: str
    secret_key: str
    token: str | None = None

    def client(self, service: str, region: str = FALLBACK_REGION) -> Any:
        session = boto3.Session(self.access_key, self.secret_key, self.token, region_name=region)
        return session.client(service, endpoint_url=self.endpoint)

    def environment(self) -> dict[str, str]:
        """The variables that every SDK reads credentials from."""
        variables = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return {**variables, "AWS_SESSION_TOKEN": self.token} if self.token else variables


# A session of a role, which `gate` judges.
Role = Keys


class Aws:
    """A running server. Its accounts are there as soon as they are named."""

    def __init__(self, application: Callable[..., Any]) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, application, threaded=True)
        Thread(target=self._server.serve_forever, daemon=True).start()
        # The address and not `localhost`: with that, the provider looks for buckets by names of hosts.
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def administrator(self, account: str) -> Keys:
        """A new user of the account, who may do everything."""
        backend = iam_backends[account]["aws"]
        name = f"administrator-{len(backend.users)}"
        backend.create_user(FALLBACK_REGION, name)
        key = backend.create_access_key(name)
        return Keys(self.endpoint, key.access_key_id, key.secret_access_key)

    def assume(self, role: str, principal: str, session: str, **context: str) -> Role:
        """A session of a role for a service of AWS, if the role trusts it. `context` has keys such as `SourceArn`."""
        known = {f"aws:{key.lower()}": value for key, value in context.items()}
        assert gate.trusts(role, principal, known), f"{role} does not trust {principal} with {known}"
        sts = self.administrator(role.split(":")[4]).client("sts")
        given = sts.assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
        return Keys(self.endpoint, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def close(self) -> None:
        self._server.shutdown()
