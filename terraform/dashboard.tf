resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm"
        x          = 0
        y          = 0
        width      = 24
        height     = 3
        properties = { title = "Alarms", alarms = sort([for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]) }
      }],
      # Two graphs a row.
      [for index, graph in concat(local.graphs, flatten(module.remediation[*].graphs)) : {
        type   = "metric"
        x      = index % 2 * 12
        y      = 3 + floor(index / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = graph.title
          region  = local.region
          view    = "timeSeries"
          period  = 300
          stat    = graph.stat
          metrics = graph.metrics
        }
      }],
    )
  })
}

locals {
  graphs = [
    {
      title   = "Findings"
      stat    = "Sum"
      metrics = [for severity in ["Critical", "High", "Medium", "Low", "Informational"] : [local.metrics_namespace, "Findings${severity}"]]
    },
    {
      title   = "Records"
      stat    = "Sum"
      metrics = [for fate in ["Clean", "Matched", "Exempt", "Rejected"] : [local.metrics_namespace, "Records${fate}"]]
    },
    {
      title   = "Longest time from call to evaluation (ms)"
      stat    = "Maximum"
      metrics = [[local.metrics_namespace, "Lag"]]
    },
    {
      title   = "Messages"
      stat    = "Sum"
      metrics = [for fate in ["Published", "Failed", "Retried"] : [local.metrics_namespace, "Messages${fate}"]]
    },
    {
      title = "Log group"
      stat  = "Sum"
      metrics = concat(
        [["AWS/Logs", "IncomingLogEvents", "LogGroupName", local.log_group_name]],
        [for metric in ["ForwardedLogEvents", "DeliveryErrors", "DeliveryThrottling"] : ["AWS/Logs", metric, "LogGroupName", local.log_group_name, "DestinationType", "Lambda", "FilterName", var.name]],
      )
    },
    {
      title   = "Function"
      stat    = "Sum"
      metrics = [for metric in ["Invocations", "Errors", "Throttles", "DestinationDeliveryFailures"] : ["AWS/Lambda", metric, "FunctionName", local.function_name]]
    },
    {
      title   = "Duration (ms)"
      stat    = "p99"
      metrics = [["AWS/Lambda", "Duration", "FunctionName", local.function_name]]
    },
    {
      title   = "On-failure queue"
      stat    = "Maximum"
      metrics = var.on_failure_bucket ? [["AWS/Lambda", "AsyncEventsDropped", "FunctionName", local.function_name]] : [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", one(aws_sqs_queue.on_failure[*].name)]]
    },
  ]
}
