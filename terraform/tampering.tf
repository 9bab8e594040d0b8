# The second path: EventBridge sees calls within seconds and without trail delivery, log group, filter and function, so
# it reports changes to those. It lets through every call that changes something and names a part of this deployment, but
# for the harmless ones, and the calls that stop, start or change any trail of the account.
#
# It goes to the alerts topic, which works when the function does not, and to the function, whose rules named `own-…` and
# `trail-…` find it: the finding that also comes by the log group, with the same ids. EventBridge gets the calls of this
# account from CloudTrail, as long as some trail in it logs management events, in the Region where they are made, and those
# of IAM in us-east-1: see modules/tamper-events.

locals {
  tampering_rule_name = "${var.name}-tampering"

  # One pattern has at most 2048 characters, so that there are several rules.
  tampering_rules = merge({ (local.tampering_rule_name) = local.tampering_pattern }, local.tampering_more)
  tampering_more = merge(local.tampering_others, [for id in module.remediation[*].event_source_mapping_id : {
    "${local.tampering_rule_name}-remediation" = jsonencode(merge(local.tampering_calls, {
      detail = merge(local.tampering_calls.detail, {
        eventName         = [{ anything-but = concat(["Invoke", "InvokeAsync"], local.tampering_harmless_to_watchers) }]
        requestParameters = { "$or" = [for parameter, values in local.tampering_remediation : { (parameter) = values }] }
      })
    }))
  }]...)
  tampering_others = {
    "${local.tampering_rule_name}-trails" = jsonencode({
      source      = ["aws.cloudtrail"]
      detail-type = ["AWS API Call via CloudTrail"]
      detail      = { eventName = local.tampering_trail_calls, errorCode = [{ exists = false }] }
    })
    "${local.tampering_rule_name}-stores" = jsonencode(merge(local.tampering_calls, {
      detail = merge(local.tampering_calls.detail, {
        eventName         = [{ anything-but = concat(local.tampering_harmless, local.tampering_harmless_to_watchers) }]
        requestParameters = { "$or" = [for parameter, values in local.tampering_stores : { (parameter) = values }] }
      })
    }))
    # Updates and deletions of event source mappings name the function in their answer alone.
    "${local.tampering_rule_name}-inputs" = jsonencode(merge(local.tampering_calls, {
      detail = merge(local.tampering_calls.detail, {
        "$or" = concat(
          [for parameter, values in local.tampering_inputs : { requestParameters = { (parameter) = values } }],
          [{ eventName = local.tampering_mapping_calls, responseElements = { functionArn = [local.function_arn] } }],
        )
      })
    }))
    "${local.tampering_rule_name}-watchers" = jsonencode(merge(local.tampering_calls, {
      detail = merge(local.tampering_calls.detail, {
        eventName         = [{ anything-but = local.tampering_harmless_to_watchers }]
        requestParameters = { "$or" = [for parameter, values in local.tampering_watchers : { (parameter) = values }] }
      })
    }))
  }
  tampering_pattern = jsonencode(merge(local.tampering_calls, {
    detail = merge(local.tampering_calls.detail, {
      eventName         = [{ anything-but = local.tampering_harmless }]
      requestParameters = { "$or" = [for parameter, values in local.tampering_targets : { (parameter) = values }] }
    })
  }))

  # The calls that stop, start or change a trail or its tags, and the one on what Insights looks at.
  tampering_trail_calls = [
    "AddTags", "CreateTrail", "DeleteTrail", "PutEventSelectors", "PutInsightSelectors", "RemoveTags", "StartLogging",
    "StopLogging", "UpdateTrail",
  ]

  # EventBridge matches beginnings, because Lambda appends the version of its API.
  tampering_mapping_calls = [{ prefix = "DeleteEventSourceMapping" }, { prefix = "UpdateEventSourceMapping" }]

  tampering_calls = {
    # Only services can send events with such a source.
    source      = [{ prefix = "aws." }]
    detail-type = ["AWS API Call via CloudTrail"]
    detail      = { readOnly = [false], errorCode = [{ exists = false }] }
  }

  # The harmless calls of the rule `own-resource-changed`, which gives the reasons; each list has those that name something
  # of its pattern. A test compares them.
  tampering_harmless = [
    "AbortMultipartUpload", "CompleteMultipartUpload", "CreateMultipartUpload", "Invoke", "InvokeAsync", "Publish",
    "PublishBatch", "PutLogEvents", "PutObject", "UploadPart", "CreateLogStream", "PutQueryDefinition",
    "StartLiveTail", "StartQuery", "TestMetricFilter", "CancelKeyDeletion", "EnableKey", "EnableKeyRotation",
    "RotateKeyOnDemand",
  ]
  tampering_harmless_to_watchers = [
    "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch", "PutItem",
    "ReceiveMessage", "SendMessage", "SendMessageBatch", "UpdateItem", "StartExecution", "EnableAlarmActions", "EnableRule",
  ]

  # The parameters by which calls name the parts that records and findings pass through. Lambda takes a name, a partial
  # ARN or a whole one, each with a qualifier or without.
  tampering_targets = {
    functionName = [
      local.function_name, { prefix = "${local.function_name}:" }, { prefix = local.function_arn },
      { prefix = "${local.account}:function:${local.function_name}" },
    ]
    logGroupIdentifier = [local.log_group_name, local.function_log_group, { prefix = local.log_group_arn }]
    logGroupName       = [local.log_group_name, local.function_log_group]
    resource           = [{ prefix = local.function_arn }]
    resourceArn        = [{ prefix = local.function_arn }, { prefix = local.topics_prefix }, { prefix = local.log_group_arn }]
    roleName           = [aws_iam_role.function.name, { prefix = "${var.name}-" }]
    subscriptionArn    = [{ prefix = local.topics_prefix }]
    topicArn           = [{ prefix = local.topics_prefix }]
  }
  topics_prefix = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-"

  # The same for keys, buckets, queues, tables and the secrets of webhooks.
  tampering_stores = merge(
    {
      aliasName   = local.key_aliases
      keyId       = [for key in concat(local.key_ids, local.key_aliases) : { suffix = key }]
      queueUrl    = [{ wildcard = "*/${local.account}/${var.name}-*" }]
      resourceArn = [{ prefix = local.tables_prefix }]
      tableName   = [{ prefix = "${var.name}-" }, { prefix = local.tables_prefix }]
      targetKeyId = [for key in local.key_ids : { suffix = key }]
    },
    length(local.watched_buckets) == 0 ? {} : { bucketName = local.watched_buckets },
    length(local.webhook_parameters) == 0 ? {} : { name = local.webhook_parameters },
    # By name or by ARN, which has more characters after the name.
    length(local.webhook_secrets) == 0 ? {} : { secretId = concat(local.webhook_secrets, [for name in local.webhook_secrets : { wildcard = "arn:*:secret:${name}-*" }]) },
  )
  key_ids         = concat([aws_kms_key.this.key_id], aws_kms_key.alerts[*].key_id)
  key_aliases     = concat([aws_kms_alias.this.name], aws_kms_alias.alerts[*].name)
  queue_names     = concat(aws_sqs_queue.on_failure[*].name, aws_sqs_queue.heartbeats[*].name, aws_sqs_queue.canaries[*].name, aws_sqs_queue.outbox[*].name, aws_sqs_queue.outbox_failed[*].name)
  watched_buckets = concat(local.trail_arn == null ? [] : [local.bucket_name], aws_s3_bucket.on_failure[*].bucket)

  # The same for what brings records by other ways than the log group: modules/kinesis-input, kinesis-forward and
  # log-destination. Their names begin with the name of the deployment.
  tampering_inputs = {
    destinationName = [{ prefix = "${var.name}-" }]
    streamARN       = [{ prefix = local.streams_prefix }]
    streamName      = [{ prefix = "${var.name}-" }]
  }
  streams_prefix = "arn:${local.partition}:kinesis:${local.region}:${local.account}:stream/${var.name}-"

  # The same for the parts that watch over it: alarms, queues, heartbeats, event buses and rules, those of other modules
  # among them; and for whatever is pointed at the function.
  tampering_watchers = {
    alarmName          = [{ prefix = "${var.name}-" }]
    alarmNames         = [{ prefix = "${var.name}-" }]
    destinationArn     = [local.function_arn]
    eventBusName       = [{ prefix = "${var.name}-" }]
    eventSourceArn     = [{ prefix = local.queues_prefix }]
    executionArn       = [{ prefix = replace(local.state_machine_arn, ":stateMachine:", ":execution:") }]
    groupName          = [local.heartbeat_name]
    muteTargets        = { alarmNames = [{ prefix = "${var.name}-" }] }
    name               = [{ prefix = "${var.name}-" }]
    resourceARN        = [{ prefix = local.alarms_prefix }, { prefix = local.streams_prefix }]
    resourceIdentifier = [{ prefix = local.log_group_arn }]
    rule               = [{ prefix = "${var.name}-" }]
    sourceArn          = [{ prefix = local.queues_prefix }]
    stateMachineArn    = [{ prefix = local.state_machine_arn }]
    targets            = { arn = [local.function_arn] }
  }
  # The same for the remediator, as far as the patterns above do not see it.
  tampering_remediation = {
    executionArn    = [{ prefix = replace(local.approval_arn, ":stateMachine:", ":execution:") }]
    functionName    = [local.remediator_name, { prefix = "${local.remediator_name}:" }]
    logGroupName    = ["/aws/lambda/${local.remediator_name}"]
    policyArn       = [{ prefix = "arn:${local.partition}:iam::${local.account}:policy/${var.name}-" }]
    resourceArn     = [{ prefix = local.approval_arn }]
    resourceId      = [local.kill_switch]
    stateMachineArn = [{ prefix = local.approval_arn }]
    uUID            = module.remediation[*].event_source_mapping_id # as CloudTrail spells `UUID`
  }
  remediator_name = "${var.name}-remediator"
  kill_switch     = "${var.name}-remediation"
  tables_prefix   = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.name}-"
  approval_arn    = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}-approval"

  queues_prefix     = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-"
  alarms_prefix     = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-"
  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.heartbeat_name}"
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

resource "aws_cloudwatch_event_rule" "tampering_more" {
  for_each = local.tampering_more

  name          = each.key
  description   = "Changes to what watches over Trailwarden, or to a trail"
  event_pattern = each.value
  tags          = var.tags

  lifecycle {
    precondition {
      condition     = length(each.value) <= 2048
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
    input_paths    = local.tampering_alert_paths
    input_template = local.tampering_alert
  }

  depends_on = [aws_sns_topic_policy.alerts]
}

resource "aws_cloudwatch_event_target" "tampering_more_alert" {
  for_each = local.tampering_more

  rule      = aws_cloudwatch_event_rule.tampering_more[each.key].name
  target_id = "alerts"
  arn       = aws_sns_topic.alerts.arn

  input_transformer {
    input_paths    = local.tampering_alert_paths
    input_template = endswith(each.key, "-trails") ? replace(local.tampering_alert, "Trailwarden (${var.name}) was changed", "A trail was changed") : local.tampering_alert
  }

  depends_on = [aws_sns_topic_policy.alerts]
}

locals {
  tampering_alert_paths = {
    who     = "$.detail.userIdentity.arn"
    call    = "$.detail.eventName"
    service = "$.detail.eventSource"
    account = "$.account"
    region  = "$.region"
    time    = "$.detail.eventTime"
    id      = "$.detail.eventID"
  }
  tampering_alert = trimspace(<<-TEXT
    "Trailwarden (${var.name}) was changed: <who> called <call> (<service>) in account <account>, <region>, at <time>."
    "If nobody meant to, apply Terraform again, which sets it back, and look at what the caller did before and after."
    "CloudTrail event <id>"
  TEXT
  )
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

resource "aws_cloudwatch_event_target" "tampering_more_finding" {
  for_each = local.tampering_more

  rule      = aws_cloudwatch_event_rule.tampering_more[each.key].name
  target_id = "function"
  arn       = aws_lambda_function.this.arn

  depends_on = [aws_lambda_permission.tampering_more]
}

resource "aws_lambda_permission" "tampering_more" {
  for_each = local.tampering_more

  statement_id  = "TamperingRule${title(reverse(split("-", each.key))[0])}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.tampering_more[each.key].arn
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
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:events:*:${local.account}:rule/${local.tampering_rule_name}*" }
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
