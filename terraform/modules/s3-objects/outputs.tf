output "queue_url" {
  description = "URL of the queue of notifications."
  value       = aws_sqs_queue.this.url
}

output "failed_queue_url" {
  description = "URL of the queue of notifications whose objects could not be evaluated, for `trailwarden replay`."
  value       = aws_sqs_queue.failed.url
}

output "bucket_policy_statements" {
  description = "Statements for the policy of a bucket in another account."
  value       = [for statement in local.bucket_statements : merge(statement, { Principal = { AWS = local.role_arn } })]
}

output "key_policy_statements" {
  description = "Statements for the policy of a key in another account."
  value       = [for statement in local.key_statements : merge(statement, { Principal = { AWS = local.role_arn } })]
}
