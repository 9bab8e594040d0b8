output "alarm_arns" {
  description = "ARNs of the alarms `heartbeat` and `canary`."
  value       = { for kind, alarm in aws_cloudwatch_metric_alarm.this : kind => alarm.arn }
}

output "topic_arn" {
  description = "ARN of the topic for alarms."
  value       = aws_sns_topic.this.arn
}

output "queue_arns" {
  description = "ARNs of the queues `heartbeat` and `canary`, for `modules/watcher-subscription`."
  value       = { for kind, queue in aws_sqs_queue.this : kind => queue.arn }
}
