output "destination_arn" {
  description = "ARN of the destination, for `modules/kinesis-forward`."
  value       = local.destination_arn

  # Subscriptions before this are refused.
  depends_on = [aws_cloudwatch_log_destination_policy.this]
}
