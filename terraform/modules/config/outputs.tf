output "rule_arn" {
  description = "ARN of the Config rule, or null without `rule`."
  value       = one(aws_config_config_rule.this[*].arn)
}

output "invocation" {
  description = "The function's ARN, once the Config rules of all `member_accounts` may invoke it: `lambda_function_arn` of an organization rule."
  value       = var.function.arn

  # AWS Config refuses a rule whose function it may not invoke.
  depends_on = [aws_lambda_permission.rule]
}

output "resource_types" {
  description = "The types of resources that the rules evaluate."
  value       = local.evaluated_types
}

output "undelivered_queue_url" {
  description = "URL of the queue of notifications that could not be handed to the function, for `trailwarden replay`. Null without `events` and `topic_arn`."
  value       = one(aws_sqs_queue.undelivered[*].url)
}
