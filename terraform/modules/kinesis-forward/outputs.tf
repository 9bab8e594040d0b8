output "role_arn" {
  description = "ARN of the role that writes to the stream, or null for a log destination."
  value       = one(aws_iam_role.this[*].arn)
}

output "undelivered_queue_url" {
  description = "URL of the queue of events that the stream did not take, for `trailwarden replay`, or null for a log group."
  value       = one(aws_sqs_queue.undelivered[*].url)
}
