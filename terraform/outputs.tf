output "findings_topic_arn" {
  description = "Topic of findings, for machines."
  value       = aws_sns_topic.findings.arn
}

output "alerts_topic_arn" {
  description = "Topic of alerts, for people; what a channel configuration of Amazon Q Developer names."
  value       = aws_sns_topic.alerts.arn
}

output "log_group_name" {
  description = "Log group that records come from."
  value       = local.log_group_name

  # Who writes into it wants to be heard.
  depends_on = [aws_cloudwatch_log_subscription_filter.this]
}

output "trail_arn" {
  description = "The trail, as far as it is known."
  value       = local.creates_trail ? aws_cloudtrail.this[0].arn : local.trail_arn
}

output "bucket_name" {
  description = "Bucket of the trail made here, else null."
  value       = one(aws_s3_bucket.trail[*].id)
}

output "kms_key_arn" {
  description = "Key of everything made here but the alerts topic. Who reads the bucket, the log group or the on-failure queue needs `kms:Decrypt` on it."
  value       = aws_kms_key.this.arn
}

output "alerts_kms_key_arn" {
  description = "Key of the alerts topic, or null without `encrypt_alerts`."
  value       = one(aws_kms_key.alerts[*].arn)
}

output "function_name" {
  description = "The function."
  value       = aws_lambda_function.this.function_name
}

output "function_log_group_name" {
  description = "Log group of the function itself."
  value       = aws_cloudwatch_log_group.function.name
}

output "function_role_arn" {
  description = "Role of the function, which `modules/member-role` trusts."
  value       = aws_iam_role.function.arn
}

output "on_failure_queue_url" {
  description = "Queue of deliveries that failed for good, or null with `on_failure_bucket`."
  value       = one(aws_sqs_queue.on_failure[*].url)
}

output "on_failure_bucket_name" {
  description = "Bucket of deliveries that failed after all retries, or null without `on_failure_bucket`."
  value       = one(aws_s3_bucket.on_failure[*].bucket)
}

output "filter_pattern" {
  description = "What reaches the function: a filter pattern, or two, one per line."
  value       = local.filter_pattern
}

output "tampering" {
  description = "What `modules/tamper-events` takes to watch another Region."
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
  description = "What rules named `own-…` know of this deployment. The function knows it; a `configuration_file`, and the command line over the same records, want it under `placeholders`: `yamlencode(…)`."
  value       = local.own_placeholders
}

output "alarm_arns" {
  description = "The alarms, by what their names end with."
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.arn }
}
