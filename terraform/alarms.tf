# Every alarm tells the alarms topic when it begins and when it is over.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = merge(local.trouble_alarms, local.silence_alarms, local.remediation_alarms, local.webhook_alarms)

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = lookup(each.value, "statistic", "Sum")
  period              = lookup(each.value, "period", 300)
  evaluation_periods  = lookup(each.value, "periods", 1)
  comparison_operator = lookup(each.value, "silence", false) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = lookup(each.value, "silence", false) ? 1 : lookup(each.value, "threshold", 0)
  treat_missing_data  = lookup(each.value, "silence", false) ? "breaching" : "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = var.tags
}

# Records of CloudTrail that reach the log group, without heartbeats.
resource "aws_cloudwatch_log_metric_filter" "trail_records" {
  name           = "${var.name}-trail-records"
  log_group_name = local.creates_trail ? aws_cloudwatch_log_group.trail[0].name : local.log_group_name
  pattern        = "{ $.eventSource != \"heartbeat.trailwarden\" }"

  metric_transformation {
    namespace = local.metrics_namespace
    name      = local.trail_records_metric
    value     = "1"
  }
}

locals {
  # The function's own, see README.md of the repository.
  metrics_namespace    = "Trailwarden"
  trail_records_metric = "${var.name}-TrailRecords"

  function_dimensions  = { FunctionName = aws_lambda_function.this.function_name }
  log_group_dimensions = { LogGroupName = local.log_group_name, DestinationType = "Lambda", FilterName = var.name }

  # Heartbeats themselves leave records in the trail, so with them an hour without any is an hour without a trail.
  silence_seconds = local.heartbeat ? 3600 : 86400

  # The function knows its alarms by name, and they know the function: so the names are listed by themselves.
  alarm_names = concat(
    [
      "errors", "throttles", "on-failure", "on-failure-lost", "rejected", "delivery-errors", "delivery-throttling",
      "findings-undelivered", "alerts-undelivered", "tampering-undelivered", "tampering-inputs-undelivered", "tampering-trails-undelivered",
      "tampering-stores-undelivered", "tampering-watchers-undelivered", "no-invocations", "trail-silent",
    ],
    local.heartbeat ? ["heartbeat-missing", "canary-missing"] : [],
    keys(local.remediation_alarms),
    local.has_webhooks ? ["outbox-failed", "outbox-waiting"] : [],
  )

  remediation_alarms = merge({}, [for remediator in module.remediation : merge(remediator.alarms, {
    tampering-remediation-undelivered = {
      description = "EventBridge matched a change to the remediator and could not notify the alerts topic or the function."
      namespace   = "AWS/Events"
      metric      = "FailedInvocations"
      dimensions  = { RuleName = "${local.tampering_rule_name}-remediation" }
    }
  })]...)

  # Anything at all is too much.
  trouble_alarms = {
    errors = {
      description = "The function failed. Lambda retries twice. The function's log contains the error type."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = local.function_dimensions
    }
    throttles = {
      description = "The function was throttled. Deliveries wait for up to six hours. Raise reserved_concurrency, and check whether it was set to 0."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = local.function_dimensions
      periods     = 3
    }
    # A bucket has no metric of what is in it that is younger than a day, so there the function's own counts.
    on-failure = {
      description = var.on_failure_bucket ? "Deliveries failed after all retries and are kept in the bucket ${local.failures_name}. Fix the cause, then copy them and run `trailwarden replay`." : "Deliveries failed for good and wait in the on-failure queue for 14 days: mend the cause, then evaluate them again with `trailwarden replay`."
      namespace   = var.on_failure_bucket ? "AWS/Lambda" : "AWS/SQS"
      metric      = var.on_failure_bucket ? "AsyncEventsDropped" : "ApproximateNumberOfMessagesVisible"
      statistic   = var.on_failure_bucket ? "Sum" : "Maximum"
      dimensions  = var.on_failure_bucket ? local.function_dimensions : { QueueName = aws_sqs_queue.on_failure[0].name }
    }
    on-failure-lost = {
      description = "Lambda could not keep failed deliveries (on-failure queue or bucket): they are lost, and their records are only in the log group."
      namespace   = "AWS/Lambda"
      metric      = "DestinationDeliveryFailures"
      dimensions  = local.function_dimensions
    }
    rejected = {
      description = "Records were rejected and not evaluated. The function's log lists them with the reason."
      namespace   = local.metrics_namespace
      metric      = "RecordsRejected"
      dimensions  = {}
    }
    delivery-errors = {
      description = "CloudWatch Logs could not invoke the function and drops logs for up to ten minutes at a time. Check that the function and its permission TrailLogGroup exist. Apply Terraform again, and evaluate the time without with the command line."
      namespace   = "AWS/Logs"
      metric      = "DeliveryErrors"
      dimensions  = local.log_group_dimensions
    }
    delivery-throttling = {
      description = "Lambda throttles CloudWatch Logs, which retries for 24 hours."
      namespace   = "AWS/Logs"
      metric      = "DeliveryThrottling"
      dimensions  = local.log_group_dimensions
      periods     = 3
    }
    findings-undelivered = {
      description = "The findings topic could not deliver to a subscriber."
      namespace   = "AWS/SNS"
      metric      = "NumberOfNotificationsFailed"
      dimensions  = { TopicName = aws_sns_topic.findings.name }
    }
    alerts-undelivered = {
      description = "The alerts topic could not deliver to a subscriber."
      namespace   = "AWS/SNS"
      metric      = "NumberOfNotificationsFailed"
      dimensions  = { TopicName = aws_sns_topic.alerts.name }
    }
    tampering-undelivered = {
      description = "EventBridge matched tampering and could not notify the alerts topic or the function."
      namespace   = "AWS/Events"
      metric      = "FailedInvocations"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.tampering.name }
    }
    tampering-inputs-undelivered = {
      description = "EventBridge matched a change to a stream, a log destination or an event source mapping and could not notify the alerts topic or the function."
      namespace   = "AWS/Events"
      metric      = "FailedInvocations"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.tampering_more["${local.tampering_rule_name}-inputs"].name }
    }
    tampering-trails-undelivered = {
      description = "EventBridge matched a change to a trail and could not notify the alerts topic or the function."
      namespace   = "AWS/Events"
      metric      = "FailedInvocations"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.tampering_more["${local.tampering_rule_name}-trails"].name }
    }
    tampering-stores-undelivered = {
      description = "EventBridge matched a change to a key, bucket or queue and could not notify the alerts topic or the function."
      namespace   = "AWS/Events"
      metric      = "FailedInvocations"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.tampering_more["${local.tampering_rule_name}-stores"].name }
    }
    tampering-watchers-undelivered = {
      description = "EventBridge matched a change to an alarm or a heartbeat and could not notify the alerts topic or the function."
      namespace   = "AWS/Events"
      metric      = "FailedInvocations"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.tampering_more["${local.tampering_rule_name}-watchers"].name }
    }
  }

  # Nothing at all is too little. These ring once after the first apply, until the first heartbeat has come through.
  silence_alarms = merge(
    {
      no-invocations = {
        # Not `Invocations`: a schedule invokes the function for digests, too.
        description = "No records reached the function: the subscription filter, its permission or the trail may be missing."
        namespace   = local.metrics_namespace
        metric      = "RecordsReceived"
        dimensions  = {}
        period      = local.silence_seconds
        silence     = true
      }
      trail-silent = {
        description = "CloudTrail wrote nothing to ${local.log_group_name}: the trail may be stopped, or may lack permission to write."
        namespace   = local.metrics_namespace
        metric      = local.trail_records_metric
        dimensions  = {}
        period      = local.silence_seconds
        silence     = true
      }
    },
    !local.heartbeat ? {} : {
      heartbeat-missing = {
        description = "Three heartbeats in a row did not arrive, so findings may not arrive either. Other alarms show where the chain is broken. Executions of ${local.heartbeat_name} show whether heartbeats are sent."
        namespace   = "AWS/SQS"
        metric      = "NumberOfMessagesSent"
        dimensions  = { QueueName = aws_sqs_queue.heartbeats[0].name }
        period      = var.heartbeat_minutes * 60
        periods     = 3
        silence     = true
      }
      canary-missing = {
        description = "No canary arrived for ${local.canary_minutes} minutes: CloudTrail does not record calls, or its records do not reach the function. If `heartbeat-missing` is OK, check the trail (`aws cloudtrail get-trail-status`). If not, look at executions of ${local.heartbeat_name} first."
        namespace   = "AWS/SQS"
        metric      = "NumberOfMessagesSent"
        dimensions  = { QueueName = aws_sqs_queue.canaries[0].name }
        period      = var.heartbeat_minutes * 60
        periods     = local.canary_periods
        silence     = true
      }
    },
  )
}
