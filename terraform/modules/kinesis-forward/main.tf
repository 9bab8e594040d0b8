# Sends the CloudTrail records of a log group, or the CloudTrail events of EventBridge, to the stream of
# `modules/kinesis-input`. Records of a log group in another account go there through `modules/log-destination`.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  destination    = split(":", var.destination_arn)
  is_destination = local.destination[2] == "logs"
  of_log_group   = var.log_group_name != null
  log_group_arn  = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${coalesce(var.log_group_name, "-")}"
  rules_arn      = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.event_bus_name == "default" ? "" : "${var.event_bus_name}/"}${var.name}-"
  dlq_arn        = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-undelivered"

  filter_pattern  = trimspace(replace(var.filter_pattern != null ? var.filter_pattern : file("${path.module}/../../filter_pattern.txt"), "\r", ""))
  filter_patterns = var.all_events ? [""] : split("\n", local.filter_pattern)
  filters         = local.of_log_group ? { for index, pattern in local.filter_patterns : "${var.name}-${index + 1}" => pattern } : {}

  # As in modules/event-bus.
  all_events_pattern = jsonencode({
    source      = [{ prefix = "aws." }]
    detail-type = ["AWS API Call via CloudTrail", { prefix = "AWS Console " }, "AWS Service Event via CloudTrail"]
  })
  patterns = var.all_events ? [local.all_events_pattern] : coalesce(var.event_patterns, split("\n", trimspace(file("${path.module}/../../event_patterns.txt"))))
  rules    = local.of_log_group ? {} : { for index, pattern in local.patterns : "${var.name}-${index + 1}" => pattern }
}

resource "aws_cloudwatch_log_subscription_filter" "this" {
  for_each = local.filters

  name            = each.key
  log_group_name  = var.log_group_name
  filter_pattern  = each.value
  destination_arn = var.destination_arn
  role_arn        = one(aws_iam_role.this[*].arn)

  # CloudWatch Logs takes the log stream as the partition key, and CloudTrail has log streams for each account and Region.
  distribution = var.partition_by == "account" ? "ByLogStream" : "Random"

  # CloudWatch Logs writes a test record when the filter is created.
  depends_on = [aws_iam_role_policy.this]

  lifecycle {
    precondition {
      condition     = length(local.filters) <= 2 && alltrue([for pattern in local.filter_patterns : length(pattern) <= 1024])
      error_message = "filter_pattern has one or two lines of at most 1024 characters. Generate it with `trailwarden filter-pattern`."
    }

    precondition {
      condition     = length(local.filters) == 1 || alltrue([for pattern in local.filter_patterns : pattern != ""])
      error_message = "An empty filter pattern passes everything, so a second one delivers records twice."
    }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name           = each.key
  description    = "Sends CloudTrail events to ${var.destination_arn}"
  event_bus_name = var.event_bus_name
  event_pattern  = each.value
  state          = var.read_events ? "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" : "ENABLED"
  tags           = var.tags

  lifecycle {
    precondition {
      condition     = !local.is_destination && local.destination[3] == local.region && local.destination[4] == local.account
      error_message = "Without log_group_name, destination_arn is a stream in this account and Region. Use modules/event-forward to send events there first."
    }
  }
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = var.event_bus_name
  target_id      = "stream"
  arn            = var.destination_arn
  role_arn       = aws_iam_role.this[0].arn

  kinesis_target {
    partition_key_path = var.partition_by == "account" ? "$.account" : "$.id"
  }

  # EventBridge retries for 24 hours by default.
  dead_letter_config {
    arn = aws_sqs_queue.undelivered[0].arn
  }

  depends_on = [aws_iam_role_policy.this]
}

# A log destination has a role of its own.
resource "aws_iam_role" "this" {
  count = local.is_destination ? 0 : 1

  name        = "${var.name}-${local.region}"
  description = "Writes to ${var.destination_arn}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = local.of_log_group ? "logs.amazonaws.com" : "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = local.of_log_group ? "${local.log_group_arn}:*" : "${local.rules_arn}*" }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  count = local.is_destination ? 0 : 1

  name = "write-stream"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "WriteStream"
        Effect   = "Allow"
        Action   = ["kinesis:PutRecord", "kinesis:PutRecords"]
        Resource = var.destination_arn
      }],
      [for key in var.kms_key_arn[*] : {
        Sid      = "EncryptRecords"
        Effect   = "Allow"
        Action   = "kms:GenerateDataKey"
        Resource = key
        Condition = {
          StringEquals = { "kms:ViaService" = "kinesis.${local.destination[3]}.${data.aws_partition.current.dns_suffix}" }
        }
      }],
    )
  })
}

# Events that the stream did not take. `trailwarden replay --queue-url` evaluates them. CloudWatch Logs has no such queue: it
# retries for 24 hours.
resource "aws_sqs_queue" "undelivered" {
  count = local.of_log_group ? 0 : 1

  name                      = "${var.name}-undelivered"
  message_retention_seconds = 1209600 # 14 days, the longest SQS keeps a message
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Rules"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.dlq_arn
        Condition = { ArnLike = { "aws:SourceArn" = "${local.rules_arn}*" } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.dlq_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
