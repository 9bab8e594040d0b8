output "topic_arn" {
  description = "ARN of the topic, for `modules/s3-objects`."
  value       = aws_sns_topic.this.arn

  # Subscriptions from other accounts are refused before this.
  depends_on = [aws_sns_topic_policy.this]
}
