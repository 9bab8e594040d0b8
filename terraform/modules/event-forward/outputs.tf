output "rule_arns" {
  description = "ARNs of the EventBridge rules."
  value       = [for rule in aws_cloudwatch_event_rule.this : rule.arn]
}

output "role_arn" {
  description = "ARN of the role that the rules forward events with."
  value       = aws_iam_role.this.arn
}

output "undelivered_queue_url" {
  description = "URL of the queue of events that the bus did not take, for `trailwarden replay`."
  value       = aws_sqs_queue.undelivered.url
}
