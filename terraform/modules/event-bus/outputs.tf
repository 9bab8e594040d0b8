output "event_bus_arn" {
  description = "ARN of the event bus, for `modules/event-forward`."
  value       = local.bus_arn

  # Events that are forwarded before this are refused.
  depends_on = [aws_cloudwatch_event_bus_policy.this]
}

output "undelivered_queue_url" {
  description = "URL of the queue of events that EventBridge could not hand to the function, for `trailwarden replay`."
  value       = aws_sqs_queue.undelivered.url
}
