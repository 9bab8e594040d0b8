locals {
  function_dimensions = { FunctionName = local.function_name }
  approval_dimensions = { StateMachineArn = local.approval_arn }

  # The function's own, as those of the evaluating function.
  metrics_namespace = "Trailwarden"

  alarms = {
    remediator-errors = {
      description = "The remediator failed. The queue delivers its messages again. The function's log contains the error type."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = local.function_dimensions
    }
    remediator-throttles = {
      description = "The remediator was throttled. Findings wait in the queue ${local.queue_name}. Check whether its reserved concurrency was set to 0."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = local.function_dimensions
      periods     = 3
    }
    remediator-failed = {
      description = "The remediator could not handle a finding after all retries. The finding is in the queue ${local.failed_name}. Undo by hand what it reports."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      dimensions  = { QueueName = local.failed_name }
    }
    remediator-late = {
      description = "A finding has waited for the remediator for more than 5 minutes. After 15 minutes, or max-age-minutes of the policy file, the remediator leaves it alone. Check the event source mapping of ${local.queue_name} and the function's log."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      statistic   = "Maximum"
      dimensions  = { QueueName = local.queue_name }
      threshold   = 300 # seconds
    }
    remediator-rejected = {
      description = "The remediator rejected messages that are not findings of the findings topic. The function's log contains the reason."
      namespace   = local.metrics_namespace
      metric      = "RemediationMessagesRejected"
      dimensions  = {}
    }
    remediator-actions-failed = {
      description = "An action failed. The alerts topic received what to do by hand. `trailwarden actions list --status failed` shows it."
      namespace   = local.metrics_namespace
      metric      = "RemediationFailed"
      dimensions  = {}
    }
    remediator-approvals = {
      description = "A request for approval failed. `trailwarden actions list` shows the action, and its finding reports what to undo by hand."
      namespace   = "AWS/States"
      metric      = "ExecutionsFailed"
      dimensions  = local.approval_dimensions
    }
    remediator-approvals-late = {
      description = "A request for approval did not end within 25 hours."
      namespace   = "AWS/States"
      metric      = "ExecutionsTimedOut"
      dimensions  = local.approval_dimensions
    }
  }

  graphs = [
    {
      title   = "Actions"
      stat    = "Sum"
      metrics = [for result in ["Planned", "ApprovalsRequested", "Done", "NothingToDo", "Refused", "Failed"] : [local.metrics_namespace, "Remediation${result}"]]
    },
    {
      title   = "Remediator"
      stat    = "Sum"
      metrics = [for metric in ["Invocations", "Errors", "Throttles"] : ["AWS/Lambda", metric, "FunctionName", local.function_name]]
    },
    {
      title   = "Findings that wait for the remediator"
      stat    = "Maximum"
      metrics = [for queue in [local.queue_name, local.failed_name] : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]]
    },
    {
      title   = "Longest wait for the remediator (s)"
      stat    = "Maximum"
      metrics = [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.queue_name]]
    },
    {
      title   = "Requests for approval"
      stat    = "Sum"
      metrics = [for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed"] : ["AWS/States", metric, "StateMachineArn", local.approval_arn]]
    },
  ]
}
