"""Judges what sessions of roles may do. moto lets everybody do everything.

In: a call. Out: nothing, or why it is refused. Calls with keys of users, which Terraform and the tests have, may do all.
"""

from __future__ import annotations

from call import Call
from iam import Request, allows
from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import get_account_id_from, iam_backends
from moto.kinesis.models import kinesis_backends
from moto.organizations.models import organizations_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

PARTITION = "aws"
# Calls that are another action to IAM.
ACTIONS = {"sns:PublishBatch": "sns:Publish"}
# Everybody may.
FREE = {"sts:GetCallerIdentity"}
# What a service wants of the key of an encrypted topic, queue, stream or table.
KEY_ACTIONS = {"kinesis": ("kms:GenerateDataKey",)}
KEY_ACTIONS_OF_OTHERS = ("kms:GenerateDataKey", "kms:Decrypt")


def refusal(call: Call) -> tuple[int, str, bytes] | None:
    """The answer in moto's stead, when the role may not."""
    role = role_of(call.key)
    action = f"{call.service}:{call.action}"
    action = ACTIONS.get(action, action)
    if role is None or action in FREE:
        return None
    resource = resource_of(call, role)
    request = Request(action, resource, context=context_of(call))
    if not permitted(role, request):
        return refused(call, f"{role} may not {action} on {resource}")
    if action == "sts:AssumeRole" and not trusts(resource, role, session_of(call)):
        return refused(call, f"{resource} does not trust {role}")
    if key := key_of(call, resource):
        context = {"kms:viaservice": f"{call.service}.{call.region}.amazonaws.com"}
        for wanted in KEY_ACTIONS.get(call.service, KEY_ACTIONS_OF_OTHERS):
            if not permitted(role, Request(wanted, key, context=context)):
                return call.refusal(400, "KMSAccessDenied", f"{role} may not {wanted} on {key}")
    return None


def refused(call: Call, message: str) -> tuple[int, str, bytes]:
    codes = {"sns": "AuthorizationError", "ec2": "UnauthorizedOperation"}
    if call.is_json:
        return call.refusal(400, "AccessDeniedException", message)
    return call.refusal(403, codes.get(call.service, "AccessDenied"), message)


def role_of(key: str) -> str | None:
    """The ARN of the role whose session has this access key."""
    known = iam_backends[get_account_id_from(key)][PARTITION].access_keys.get(key)
    return known and known.role_arn


def permitted(role: str, request: Request) -> bool:
    """Whether the policies of a role allow a request."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    backend = iam_backends[account][PARTITION]
    inline = [backend.get_role_policy(name, policy)[1] for policy in backend.list_role_policies(name)]
    policies = backend.list_attached_role_policies(name)[0]
    attached = [one.document for policy in policies for one in policy.versions if one.is_default]
    return allows([*inline, *attached], request)


def trusts(role: str, principal: str, context: dict[str, str | None]) -> bool:
    """Whether the trust policy of a role lets a service or a role assume it."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    known = {key: value for key, value in context.items() if value is not None}
    if principal.startswith("arn:"):
        known["aws:principalarn"] = principal
    roles = iam_backends[account][PARTITION].roles.values()
    documents = [one.assume_role_policy_document for one in roles if one.name == name]
    return allows(documents, Request("sts:AssumeRole", "*", principal, known))


def context_of(call: Call) -> dict[str, str]:
    """The condition keys of a request."""
    context = {"aws:requestedregion": call.region}
    for change in ("Add", "Remove"):
        if group := call.parameters.get(f"CreateVolumePermission.{change}.1.Group"):
            context[f"ec2:{change.lower()}/group"] = group
    return context


def session_of(call: Call) -> dict[str, str | None]:
    given = call.parameters
    return {"sts:externalid": given.get("ExternalId"), "sts:rolesessionname": given["RoleSessionName"]}


# Parameters that name the resource of a call of EC2, and the end of its ARN. Other calls know no resources.
EC2_RESOURCES = {
    "RevokeSecurityGroupIngress": ("GroupId", "{account}:security-group/"),
    "ModifySnapshotAttribute": ("SnapshotId", ":snapshot/"),
}


def resource_of(call: Call, role: str) -> str:
    """The ARN that IAM looks at."""
    given, account = call.parameters, role.split(":")[4]
    match call.service:
        case "sns":
            return given["TopicArn"]
        case "sqs":
            return f"arn:aws:sqs:{call.region}:{'/'.join(given['QueueUrl'].split('/')[-2:]).replace('/', ':')}"
        case "logs":
            return f"arn:aws:logs:{call.region}:{account}:log-group:{given['logGroupName']}:log-stream:{given['logStreamName']}"
        case "kinesis":
            return given["StreamARN"]
        case "s3":
            return f"arn:aws:s3:::{given['Object']}"
        case "ec2":
            parameter, kind = EC2_RESOURCES.get(call.action, (None, None))
            if not parameter:
                return "*"
            return f"arn:aws:ec2:{call.region}:{kind.format(account=account)}{given[parameter]}"
        case "dynamodb":
            return f"arn:aws:dynamodb:{call.region}:{account}:table/{given['TableName']}"
        case "ssm":
            return f"arn:aws:ssm:{call.region}:{account}:parameter/{given['Name']}"
        case "states":
            # Tokens of `approval` begin with the ARN.
            return given.get("stateMachineArn") or given["taskToken"].partition("#")[0]
        case "sts":
            return given["RoleArn"]
        case "iam":
            return given.get("PolicyArn") or f"arn:aws:iam::{account}:role/{given['RoleName']}"
        case "organizations":
            organization = organizations_backends[account][PARTITION].org
            return f"arn:aws:organizations::{account}:account/{organization.id}/{given['AccountId']}"
    raise NotImplementedError(f"what {call.service}:{call.action} is about")


def key_of(call: Call, resource: str) -> str | None:
    """The key of the topic, queue, stream or table that is used; none when it has none."""
    if call.service == "sns":
        owner = sns_backends[resource.split(":")[4]][call.region].topics.get(resource)
    elif call.service == "sqs":
        account, name = resource.split(":")[4:]
        owner = sqs_backends[account][call.region].queues.get(name)
    elif call.service == "kinesis":
        account, name = resource.split(":")[4:]
        stream = kinesis_backends[account][call.region].streams[name.removeprefix("stream/")]
        return stream.key_id if stream.encryption_type == "KMS" else None
    elif call.service == "dynamodb":
        table = dynamodb_backends[resource.split(":")[4]][call.region].tables.get(call.parameters["TableName"])
        return table.sse_specification.get("KMSMasterKeyId") if table and table.sse_specification else None
    else:
        return None
    return owner.kms_master_key_id or None if owner else None
