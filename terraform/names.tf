data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # Version 5 of the provider knows no `region` here, and version 6 warns of `name`.
  region = data.aws_region.current.id

  creates_trail = var.existing_trail == null
  # A trail that a delegated administrator makes belongs to the management account.
  trail_owner = coalesce(try(var.organization.management_account_id, null), local.account)

  function_name       = var.name
  function_log_group  = "/aws/lambda/${var.name}"
  log_group_name      = local.creates_trail ? "/aws/cloudtrail/${var.name}" : var.existing_trail.log_group_name
  bucket_name         = local.creates_trail ? "${var.name}-trail-${local.account}-${local.region}" : var.existing_trail.bucket_name
  failures_name       = "${var.name}-failed-${local.account}-${local.region}"
  trail_name          = local.creates_trail ? var.name : try(split(":trail/", var.existing_trail.arn)[1], null)
  findings_topic_name = var.findings_topic_fifo ? "${var.name}-findings.fifo" : "${var.name}-findings"

  # ARNs are made from names rather than read, so that policies may refer to each other without a cycle, and a plan
  # shows them whole.
  function_arn           = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${local.function_name}"
  function_log_group_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.function_log_group}"
  log_group_arn          = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group_name}"
  trail_arn              = local.creates_trail ? "arn:${local.partition}:cloudtrail:${local.region}:${local.trail_owner}:trail/${local.trail_name}" : var.existing_trail.arn
  bucket_arn             = local.bucket_name == null ? null : "arn:${local.partition}:s3:::${local.bucket_name}"
  findings_topic_arn     = "arn:${local.partition}:sns:${local.region}:${local.account}:${local.findings_topic_name}"
  alerts_topic_arn       = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-alerts"
  on_failure_queue_arn   = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-on-failure"
  failures_arn           = "arn:${local.partition}:s3:::${local.failures_name}"
  canary_queue_arn       = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-canaries"
  heartbeat_queue_arn    = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-heartbeats"
  tampering_rule_arns    = [for rule in concat(["", "-inputs", "-stores", "-trails", "-watchers"], var.remediation == null ? [] : ["-remediation"]) : "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}-tampering${rule}"]
}
