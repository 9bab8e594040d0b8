# The remediator, if `remediation` is set. It belongs to this deployment: rules, EventBridge and alarms report changes to it.
module "remediation" {
  source = "./modules/remediation"
  count  = var.remediation == null ? 0 : 1

  name               = var.name
  findings_topic_arn = aws_sns_topic.findings.arn
  alerts_topic_arn   = aws_sns_topic.alerts.arn
  kms_key_arn        = aws_kms_key.this.arn
  alerts_kms_key_arn = one(aws_kms_key.alerts[*].arn)
  outbox             = local.has_webhooks ? { arn = local.outbox_arn, url = aws_sqs_queue.outbox[0].url } : null
  own_resources      = local.own_resources
  own_roles          = local.own_role_arns
  architecture       = var.architecture
  log_level          = var.log_level
  log_retention_days = var.log_retention_days
  tags               = var.tags
  settings           = var.remediation
}

locals {
  remediates = var.remediation != null

  # Names of the remediator's resources, by placeholder of rules.
  remediation_own = one(module.remediation[*].own)

  # ARNs of what the deployment is made of. Its keys are missing: no action changes keys, except to restore them.
  own_resources = toset(concat(
    compact([local.trail_arn]),
    compact([local.bucket_arn, var.on_failure_bucket ? local.failures_arn : null]),
    [local.log_group_arn],
    tolist(local.own_role_arns),
    [for prefix in [
      "cloudwatch:${local.region}:${local.account}:alarm:",
      "dynamodb:${local.region}:${local.account}:table/",
      "events:*:${local.account}:rule/",
      "iam::${local.account}:policy/",
      "iam::${local.account}:role/",
      "lambda:${local.region}:${local.account}:function:",
      "logs:${local.region}:${local.account}:log-group:/aws/lambda/",
      "sns:${local.region}:${local.account}:",
      "sqs:${local.region}:${local.account}:",
      "ssm:${local.region}:${local.account}:parameter/",
      "states:${local.region}:${local.account}:stateMachine:",
    ] : "arn:${local.partition}:${prefix}${var.name}-*"],
    [local.function_arn, local.function_log_group_arn],
  ))

  # By name rather than from the resources, which depend on the remediator.
  own_role_arns = toset([for name in concat(
    [var.name, "${local.tampering_rule_name}-forward"],
    local.creates_trail ? ["${var.name}-trail-to-logs"] : [],
    local.heartbeat ? [local.heartbeat_name, "${local.heartbeat_name}-schedule"] : [],
    local.remediates ? [local.remediator_name, "${var.name}-approval"] : [],
  ) : "arn:${local.partition}:iam::${local.account}:role/${name}"])
}
