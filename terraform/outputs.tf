output "findings_topic_arn" {
  description = "ARN of the findings topic, for programs."
  value       = aws_sns_topic.findings.arn
}

output "alerts_topic_arn" {
  description = "ARN of the alerts topic, for people. Use it in the channel configuration of Amazon Q Developer."
  value       = aws_sns_topic.alerts.arn
}

output "log_group_name" {
  description = "Name of the log group that contains the records."
  value       = local.log_group_name

  # Who writes into it wants to be heard.
  depends_on = [aws_cloudwatch_log_subscription_filter.this]
}

output "trail_arn" {
  description = "ARN of the trail, if known."
  value       = local.creates_trail ? aws_cloudtrail.this[0].arn : local.trail_arn
}

output "bucket_name" {
  description = "Name of the trail's bucket if the module created it, else null."
  value       = one(aws_s3_bucket.trail[*].id)
}

output "kms_key_arn" {
  description = "ARN of the key for all resources except the alerts topic. Readers of the bucket, the log group or the on-failure queue need `kms:Decrypt` on it."
  value       = aws_kms_key.this.arn
}

output "alerts_kms_key_arn" {
  description = "ARN of the key of the alerts topic, or null without `encrypt_alerts`."
  value       = one(aws_kms_key.alerts[*].arn)
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function" {
  description = "Input of the modules that bring records to the function: `event-bus`, `kinesis-input` and `s3-objects`."
  value = {
    name             = aws_lambda_function.this.function_name
    arn              = local.function_arn
    role_name        = aws_iam_role.function.name
    timeout          = var.timeout
    kms_key_arn      = aws_kms_key.this.arn
    on_failure_arn   = var.on_failure_bucket ? local.failures_arn : local.on_failure_queue_arn
    alerts_topic_arn = local.alerts_topic_arn
  }

  # Lambda checks the permissions of the role when an event source mapping is created.
  depends_on = [aws_iam_role_policy.function, aws_sqs_queue.on_failure, aws_s3_bucket.on_failure, aws_sns_topic_policy.alerts]
}

output "function_log_group_name" {
  description = "Name of the function's own log group."
  value       = aws_cloudwatch_log_group.function.name
}

output "function_role_arn" {
  description = "ARN of the function's role, which `modules/member-role` trusts."
  value       = aws_iam_role.function.arn
}

output "on_failure_queue_url" {
  description = "URL of the queue of deliveries that failed after all retries, or null with `on_failure_bucket`."
  value       = one(aws_sqs_queue.on_failure[*].url)
}

output "on_failure_bucket_name" {
  description = "Name of the bucket of deliveries that failed after all retries, or null without `on_failure_bucket`."
  value       = one(aws_s3_bucket.on_failure[*].bucket)
}

output "filter_pattern" {
  description = "Filter pattern for the events that reach the function, or two patterns, one per line."
  value       = local.filter_pattern
}

output "tampering" {
  description = "Value for the inputs of `modules/tamper-events`, which watches another Region."
  value = {
    rule_name     = aws_cloudwatch_event_rule.tampering.name
    event_pattern = local.tampering_pattern
    event_bus_arn = local.default_bus_arn
    role_arn      = aws_iam_role.tampering_forward.arn
    more          = local.tampering_more
  }

  # Events that are forwarded before this are refused.
  depends_on = [aws_iam_role_policy.tampering_forward]
}

output "own_placeholders" {
  description = "Names of this deployment for rules named `own-…`. The function receives them. Add them to `placeholders` of a `configuration_file`, and of the configuration of the command line for the same records: `yamlencode(…)`."
  value       = local.own_placeholders
}

output "remediation" {
  description = "The remediator: `role_arn`, which `modules/remediation-member-role` trusts, `table_name`, `kill_switch`, `function_url`, `approver_policy_arn` and `failed_queue_url`. Null without `remediation`."
  value = one([for remediator in module.remediation : {
    role_arn            = remediator.role_arn
    table_name          = remediator.table_name
    kill_switch         = remediator.kill_switch
    function_url        = remediator.function_url
    approver_policy_arn = remediator.approver_policy_arn
    failed_queue_url    = remediator.failed_queue_url
  }])
}

output "alarm_arns" {
  description = "ARNs of the alarms. Keys are the suffixes of their names."
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.arn }
}
