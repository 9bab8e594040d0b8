# The remediator: a function with a role of its own that undoes what findings report, within the limits of a policy file.
#
#   findings topic ─▶ queue ─▶ function ─▶ AWS APIs, in this account or by the role in member accounts
#                       │         │  ▲
#                       ▼         │  └─ function URL: answers of approvers
#            dead-letter queue    ├──▶ table of records
#                                 └──▶ state machine: waits for an approval

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account    = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  dns_suffix = data.aws_partition.current.dns_suffix
  region     = data.aws_region.current.id

  function_name  = "${var.name}-remediator"
  log_group_name = "/aws/lambda/${local.function_name}"
  queue_name     = local.function_name
  failed_name    = "${local.function_name}-failed"
  table_name     = "${var.name}-remediations"
  switch_name    = "${var.name}-remediation"
  approval_name  = "${var.name}-approval"

  # ARNs are made from names, so that policies can refer to each other without a cycle.
  function_arn  = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${local.function_name}"
  log_group_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group_name}"
  queue_arn     = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.queue_name}"
  failed_arn    = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.failed_name}"
  table_arn     = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${local.table_name}"
  switch_arn    = "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/${local.switch_name}"
  approval_arn  = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.approval_name}"

  regions = coalesce(var.settings.regions, toset([local.region]))
}
