# The role that the remediator assumes in a member account. It allows the reads and calls of the enabled actions, and nothing
# else.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
}

module "policy" {
  source = "../remediation-policy"

  actions       = var.actions
  partition     = local.partition
  account       = local.account
  regions       = coalesce(var.regions, toset([data.aws_region.current.id]))
  own_resources = setunion(var.own_resources, ["arn:${local.partition}:iam::${local.account}:role/${var.name}"])
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Trailwarden undoes what findings report"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      # The account with a condition rather than the role: it need not exist yet, and may be created anew.
      Principal = { AWS = "arn:${local.partition}:iam::${split(":", var.remediator_role_arn)[4]}:root" }
      Action    = "sts:AssumeRole"
      Condition = {
        ArnEquals    = { "aws:PrincipalArn" = var.remediator_role_arn }
        StringEquals = { "sts:ExternalId" = var.external_id }
        # Reads have a session name of their own. Other sessions are named after the action, so that CloudTrail shows which
        # action made a call.
        StringLike = { "sts:RoleSessionName" = ["trailwarden-remediator", "????????-????-????-????-????????????"] }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_policy" "actions" {
  #checkov:skip=CKV_AWS_355:calls without resource-level permissions are limited to Regions
  #checkov:skip=CKV_AWS_289:restoring a trust policy is one of the actions; this role and own_resources are denied
  #checkov:skip=CKV_AWS_290:the calls of actions are limited to Regions, and to conditions where AWS has any
  count = length(module.policy.documents)

  name        = "${var.name}-${count.index + 1}"
  description = "Actions of Trailwarden"
  policy      = module.policy.documents[count.index]
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "actions" {
  count = length(module.policy.documents)

  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.actions[count.index].arn
}
