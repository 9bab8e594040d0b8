# AWS Config as an input: a custom rule that the function answers, and the notifications of the delivery channel and of
# EventBridge. Apply it in the account and Region of the function.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  name      = "${var.function.name}-config"
  rule_name = var.rule == null ? null : coalesce(var.rule.name, var.function.name)

  # The types of resources that the rules evaluate.
  evaluated_types = [
    "AWS::AutoScaling::LaunchConfiguration",
    "AWS::EC2::EIP",
    "AWS::EC2::EgressOnlyInternetGateway",
    "AWS::EC2::Instance",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::NatGateway",
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::NetworkInterface",
    "AWS::EC2::PrefixList",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::VPCEndpointService",
    "AWS::EC2::VPCPeeringConnection",
    "AWS::EC2::VPNGateway",
    "AWS::ElasticLoadBalancing::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::IAM::Role",
  ]
  rule_types = var.rule == null ? null : coalesce(var.rule.resource_types, local.evaluated_types)

  recorded_types = var.recorder == null ? [] : [
    for type in coalesce(var.recorder.resource_types, local.evaluated_types) : type
    if var.recorder.global_resources || !startswith(type, "AWS::IAM::")
  ]

  # A rule invokes the function on behalf of its own account.
  callers = { for account in concat([local.account], var.member_accounts) : account => account == local.account ? "Config" : "Config${account}" }
  invokes = var.rule != null || length(var.member_accounts) > 0
}

# ---- The rule ---------------------------------------------------------------------------------------------------------

resource "aws_config_config_rule" "this" {
  count = var.rule == null ? 0 : 1

  name             = local.rule_name
  description      = "Resources that are open to the internet or to other accounts, evaluated by ${var.function.name}"
  input_parameters = length(var.rule.parameters) == 0 ? null : jsonencode(var.rule.parameters)
  tags             = var.tags

  scope {
    compliance_resource_types = local.rule_types
  }

  source {
    owner             = "CUSTOM_LAMBDA"
    source_identifier = var.function.arn

    source_detail {
      event_source = "aws.config"
      message_type = "ConfigurationItemChangeNotification"
    }

    # Without it, AWS Config does not tell of items that are too large for a notification.
    source_detail {
      event_source = "aws.config"
      message_type = "OversizedConfigurationItemChangeNotification"
    }

    dynamic "source_detail" {
      for_each = compact([var.rule.schedule])

      content {
        event_source                = "aws.config"
        message_type                = "ScheduledNotification"
        maximum_execution_frequency = source_detail.value
      }
    }
  }

  # Resources do not exist yet in the proactive mode, which the function refuses.
  evaluation_mode {
    mode = "DETECTIVE"
  }

  # AWS Config checks that it may invoke the function, and that there is a recorder.
  depends_on = [aws_lambda_permission.rule, aws_iam_role_policy.this, aws_config_configuration_recorder_status.this]
}

resource "aws_lambda_permission" "rule" {
  for_each = local.invokes ? local.callers : {}

  statement_id   = each.value
  action         = "lambda:InvokeFunction"
  function_name  = var.function.name
  principal      = "config.amazonaws.com"
  source_account = each.key
  source_arn     = "arn:${local.partition}:config:${local.region}:${each.key}:config-rule/*"
}

resource "aws_iam_role_policy" "this" {
  name = "config"
  role = var.function.role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid    = "AnswerConfig"
        Effect = "Allow"
        Action = ["config:GetResourceConfigHistory", "config:PutEvaluations", "config:SelectResourceConfig"]
        # These actions do not support resources.
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = local.region } }
      }],
      [for name in compact([var.execution_role_name]) : {
        Sid      = "AssumeExecutionRole"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = [for account in var.member_accounts : "arn:${local.partition}:iam::${account}:role/${name}"]
      } if length(var.member_accounts) > 0],
    )
  })
}

# ---- EventBridge ------------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_event_rule" "this" {
  count = var.events ? 1 : 0

  name        = local.name
  description = "Configuration items of AWS Config for ${var.function.name}"
  event_pattern = jsonencode({
    source      = ["aws.config"]
    detail-type = ["Config Configuration Item Change"]
    detail = {
      messageType = ["ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification"]
    }
  })
  tags = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  count = var.events ? 1 : 0

  rule      = aws_cloudwatch_event_rule.this[0].name
  target_id = "function"
  arn       = var.function.arn

  # EventBridge retries for 24 hours by default.
  dead_letter_config {
    arn = aws_sqs_queue.undelivered[0].arn
  }

  depends_on = [aws_lambda_permission.events]
}

resource "aws_lambda_permission" "events" {
  count = var.events ? 1 : 0

  statement_id  = "ConfigEvents"
  action        = "lambda:InvokeFunction"
  function_name = var.function.name
  principal     = "events.amazonaws.com"
  source_arn    = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.name}"
}

# ---- SNS --------------------------------------------------------------------------------------------------------------

resource "aws_sns_topic_subscription" "this" {
  count = var.topic_arn == null ? 0 : 1

  topic_arn = var.topic_arn
  protocol  = "lambda"
  endpoint  = var.function.arn

  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered[0].arn })

  depends_on = [aws_lambda_permission.topic]
}

resource "aws_lambda_permission" "topic" {
  count = var.topic_arn == null ? 0 : 1

  statement_id  = "ConfigTopic"
  action        = "lambda:InvokeFunction"
  function_name = var.function.name
  principal     = "sns.amazonaws.com"
  source_arn    = var.topic_arn
}

# ---- Undelivered notifications ----------------------------------------------------------------------------------------

locals {
  has_queue = var.events || var.topic_arn != null
  queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.name}-undelivered"
}

# Notifications that could not be handed to the function. `trailwarden replay --queue-url` evaluates them.
resource "aws_sqs_queue" "undelivered" {
  count = local.has_queue ? 1 : 0

  name                      = "${local.name}-undelivered"
  message_retention_seconds = 1209600 # 14 days, the longest SQS keeps a message
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for arn in ["arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.name}"] : {
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = arn } }
      } if var.events],
      [for arn in compact([var.topic_arn]) : {
        Sid       = "Topic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = arn } }
      }],
      [{
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
    )
  })
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  count = local.has_queue ? 1 : 0

  alarm_name          = "${local.name}-undelivered"
  alarm_description   = "Notifications of AWS Config could not be handed to the function. They wait in the queue ${local.name}-undelivered for 14 days. Fix the cause, then run `trailwarden replay`."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.undelivered[0].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.function.alerts_topic_arn]
  ok_actions          = [var.function.alerts_topic_arn]
  tags                = var.tags
}
