# The second path: EventBridge sees calls within seconds and without trail delivery, log group, filter and function, so
# it tells of what breaks those. It knows what belongs to this deployment and lets through calls on nothing else.
#
# It goes to the alerts topic, which works when the function does not, and to the function, whose rules named `own-…`
# find it: the finding that also comes by the log group, with the same ids. EventBridge gets the calls of this account
# from CloudTrail, as long as some trail in it logs management events, in the Region where they are made, and those of
# IAM in us-east-1: see modules/tamper-events.

locals {
  tampering_rule_name = "${var.name}-tampering"

  # What a call is named like when it weakens something; which thing it is about is looked at below. Prefixes, because an
  # event pattern has at most 2048 characters and Lambda adds a date to the names of its calls.
  tampering_verbs = ["Delete", "Detach", "Disable", "Disassociate", "Put", "Remove", "Schedule", "Set", "Stop", "Unsubscribe", "Update"]

  # How calls name what they change.
  tampering_targets = merge(
    {
      alarmNames         = [{ prefix = "${var.name}-" }]
      functionName       = [local.function_name, { suffix = ":${local.function_name}" }, { prefix = "${local.function_arn}:" }]
      keyId              = [aws_kms_key.this.key_id, aws_kms_key.this.arn]
      logGroupIdentifier = [local.log_group_name, { prefix = local.log_group_arn }]
      logGroupName       = [local.log_group_name]
      name               = concat([local.tampering_rule_name], local.trail_names)
      roleName           = concat([aws_iam_role.function.name], aws_iam_role.trail[*].name)
      rule               = [local.tampering_rule_name]
      subscriptionArn    = [{ prefix = local.topics_prefix }]
      topicArn           = [{ prefix = local.topics_prefix }]
    },
    local.trail_arn == null ? {} : { bucketName = [local.bucket_name], trailName = local.trail_names },
  )
  topics_prefix = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-"
  trail_names   = compact([local.trail_name, local.trail_arn])

  tampering_pattern = jsonencode({
    # Only services can send events with such a source.
    source      = [{ prefix = "aws." }]
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventName = [for verb in local.tampering_verbs : { prefix = verb }]
      errorCode = [{ exists = false }]
      "$or"     = [for parameter, values in local.tampering_targets : { requestParameters = { (parameter) = values } }]
    }
  })
}

resource "aws_cloudwatch_event_rule" "tampering" {
  name          = local.tampering_rule_name
  description   = "Changes to what Trailwarden lives by"
  event_pattern = local.tampering_pattern
  tags          = var.tags

  lifecycle {
    precondition {
      condition     = length(local.tampering_pattern) <= 2048
      error_message = "The event pattern has more than 2048 characters; choose a shorter name."
    }
  }
}

resource "aws_cloudwatch_event_target" "tampering_alert" {
  rule      = aws_cloudwatch_event_rule.tampering.name
  target_id = "alerts"
  arn       = aws_sns_topic.alerts.arn

  # The caller writes what is in a call, so nothing that may hold free text is shown.
  input_transformer {
    input_paths = {
      who     = "$.detail.userIdentity.arn"
      call    = "$.detail.eventName"
      service = "$.detail.eventSource"
      account = "$.account"
      region  = "$.region"
      time    = "$.detail.eventTime"
      id      = "$.detail.eventID"
    }
    input_template = trimspace(<<-TEXT
      "Trailwarden (${var.name}) was changed: <who> called <call> (<service>) in account <account>, <region>, at <time>."
      "If nobody meant to, apply Terraform again, which sets it back, and look at what the caller did before and after."
      "CloudTrail event <id>"
    TEXT
    )
  }

  depends_on = [aws_sns_topic_policy.alerts]
}

resource "aws_cloudwatch_event_target" "tampering_finding" {
  rule      = aws_cloudwatch_event_rule.tampering.name
  target_id = "function"
  arn       = aws_lambda_function.this.arn

  depends_on = [aws_lambda_permission.tampering]
}

resource "aws_lambda_permission" "tampering" {
  statement_id  = "TamperingRule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.tampering.arn # which says the account
}

# What rules in other Regions (modules/tamper-events) forward events to the default bus of this one with.
resource "aws_iam_role" "tampering_forward" {
  name        = "${local.tampering_rule_name}-forward"
  description = "Forwards events to the default bus of ${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:events:*:${local.account}:rule/${local.tampering_rule_name}" }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "tampering_forward" {
  name = "forward"
  role = aws_iam_role.tampering_forward.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Forward"
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = local.default_bus_arn
    }]
  })
}

locals {
  default_bus_arn = "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/default"
}
