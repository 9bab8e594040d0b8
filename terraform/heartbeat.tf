# A heartbeat is a record made up for the purpose, put into the trail's log group, that must arrive in a queue behind
# the topic of findings. So it goes the whole way: log group, filter, permission, function, key, topic, subscription.
#
# PutLogEvents wants the time in milliseconds with every event. EventBridge Scheduler can only write it as ISO 8601 and
# CloudWatch Logs would drop the event without an error, so a state machine of one step calls it: JSONata has the clock.
# The function must not do it, as it may not write to the log group that feeds it.
#
# A heartbeat does not pass through CloudTrail. A canary does: the same state machine enables the first tampering rule, which
# is enabled already, and CloudTrail's record of that call must arrive in a second queue behind the findings topic. The call
# changes nothing, or sets back what somebody has disabled.

locals {
  # CloudTrail takes some five minutes, and makes no promise.
  canary_periods = local.heartbeat ? max(3, ceil(30 / var.heartbeat_minutes)) : 0
  canary_minutes = local.heartbeat ? var.heartbeat_minutes * local.canary_periods : 0

  heartbeat        = var.heartbeat_minutes != null
  heartbeat_name   = "${var.name}-heartbeat"
  heartbeat_stream = "${var.name}-heartbeat"

  # The rule `heartbeat` looks for source and name.
  heartbeat_record = {
    eventVersion       = "1.11"
    eventSource        = "heartbeat.trailwarden"
    eventName          = "Heartbeat"
    awsRegion          = local.region
    recipientAccountId = local.account
    userIdentity       = { type = "AWSService", invokedBy = "heartbeat.trailwarden" }
    requestParameters  = { logGroupName = local.log_group_name }
  }
}

resource "aws_cloudwatch_log_stream" "heartbeat" {
  count = local.heartbeat ? 1 : 0

  name           = local.heartbeat_stream
  log_group_name = local.creates_trail ? aws_cloudwatch_log_group.trail[0].name : local.log_group_name
}

resource "aws_sfn_state_machine" "heartbeat" {
  #checkov:skip=CKV_AWS_284:one step that is watched by what comes of it
  #checkov:skip=CKV_AWS_285:Step Functions keeps the history of standard executions for 90 days
  count = local.heartbeat ? 1 : 0

  name     = local.heartbeat_name
  role_arn = aws_iam_role.heartbeat[0].arn
  tags     = var.tags

  definition = jsonencode({
    Comment        = "Makes a call for CloudTrail to record, and puts a heartbeat into ${local.log_group_name}"
    QueryLanguage  = "JSONata"
    StartAt        = "SendCanary"
    TimeoutSeconds = 120
    States = {
      SendCanary = {
        Type      = "Task"
        Resource  = "arn:${local.partition}:states:::aws-sdk:eventbridge:enableRule"
        Arguments = { Name = local.tampering_rule_name }
        Retry     = [{ ErrorEquals = ["States.ALL"], MaxAttempts = 2 }]
        # The heartbeat is sent all the same.
        Catch = [{ ErrorEquals = ["States.ALL"], Next = "PutHeartbeat" }]
        Next  = "PutHeartbeat"
      }
      PutHeartbeat = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::aws-sdk:cloudwatchlogs:putLogEvents"
        Arguments = {
          LogGroupName  = local.log_group_name
          LogStreamName = local.heartbeat_stream
          LogEvents = [{
            Timestamp = "{% $millis() %}"
            Message   = "{% $string($merge([${jsonencode(local.heartbeat_record)}, {'eventID': $uuid(), 'eventTime': $now()}])) %}"
          }]
        }
        Retry = [{ ErrorEquals = ["States.ALL"], MaxAttempts = 2 }]
        End   = true
      }
    }
  })

  depends_on = [aws_cloudwatch_log_stream.heartbeat, aws_iam_role_policy.heartbeat]
}

resource "aws_iam_role" "heartbeat" {
  count = local.heartbeat ? 1 : 0

  name        = local.heartbeat_name
  description = "Enables ${local.tampering_rule_name} and writes heartbeats to one stream of ${local.log_group_name}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.heartbeat_name}" }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "heartbeat" {
  count = local.heartbeat ? 1 : 0

  name = "put-heartbeat"
  role = aws_iam_role.heartbeat[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PutHeartbeat"
        Effect   = "Allow"
        Action   = "logs:PutLogEvents"
        Resource = "${local.log_group_arn}:log-stream:${local.heartbeat_stream}"
      },
      {
        Sid      = "SendCanary"
        Effect   = "Allow"
        Action   = "events:EnableRule"
        Resource = local.tampering_rule_arns[0]
      },
    ]
  })
}

resource "aws_scheduler_schedule_group" "heartbeat" {
  count = local.heartbeat ? 1 : 0

  name = local.heartbeat_name
  tags = var.tags
}

resource "aws_scheduler_schedule" "heartbeat" {
  #checkov:skip=CKV_AWS_297:the schedule holds nothing but the ARN of the state machine
  count = local.heartbeat ? 1 : 0

  name                = local.heartbeat_name
  group_name          = aws_scheduler_schedule_group.heartbeat[0].name
  schedule_expression = "rate(${var.heartbeat_minutes} minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.heartbeat[0].arn
    role_arn = aws_iam_role.heartbeat_schedule[0].arn

    # The next heartbeat is due anyway.
    retry_policy {
      maximum_event_age_in_seconds = 300
      maximum_retry_attempts       = 2
    }
  }

  depends_on = [aws_iam_role_policy.heartbeat_schedule]
}

resource "aws_iam_role" "heartbeat_schedule" {
  count = local.heartbeat ? 1 : 0

  name        = "${local.heartbeat_name}-schedule"
  description = "Starts the state machine ${local.heartbeat_name}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          "aws:SourceArn"     = "arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule-group/${local.heartbeat_name}"
        }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "heartbeat_schedule" {
  count = local.heartbeat ? 1 : 0

  name = "start-heartbeat"
  role = aws_iam_role.heartbeat_schedule[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "StartHeartbeat"
      Effect   = "Allow"
      Action   = "states:StartExecution"
      Resource = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.heartbeat_name}"
    }]
  })
}

# Where heartbeats arrive. Nobody reads it: CloudWatch counts what is sent to it, see the alarm `heartbeat-missing`.
resource "aws_sqs_queue" "heartbeats" {
  count = local.heartbeat ? 1 : 0

  name                      = "${var.name}-heartbeats"
  message_retention_seconds = 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TopicOfFindings"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.heartbeat_queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = local.findings_topic_arn } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.heartbeat_queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "heartbeats" {
  count = local.heartbeat ? 1 : 0

  topic_arn            = aws_sns_topic.findings.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.heartbeats[0].arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ rule = ["heartbeat"] })
}

# Where canaries arrive, see the alarm `canary-missing`.
resource "aws_sqs_queue" "canaries" {
  count = local.heartbeat ? 1 : 0

  name                      = "${var.name}-canaries"
  message_retention_seconds = 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "FindingsTopic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.canary_queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = local.findings_topic_arn } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.canary_queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "canaries" {
  count = local.heartbeat ? 1 : 0

  topic_arn            = aws_sns_topic.findings.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.canaries[0].arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ rule = ["heartbeat-canary"] })
}
