# Evaluates the log files that CloudTrail writes to a bucket: notifications of a topic go to a queue, and the queue to the
# function, which fetches the objects. Apply it in the account and Region of the function. The topic is in the same Region
# and may belong to another account, as may the bucket and its key.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  name        = "${var.function.name}-${var.suffix}"
  queue_arn   = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.name}"
  failed_arn  = "${local.queue_arn}-failed"
  bucket_arn  = "arn:${local.partition}:s3:::${var.bucket_name}"
  objects_arn = "${local.bucket_arn}/${var.prefix}*"
  role_arn    = "arn:${local.partition}:iam::${local.account}:role/${var.function.role_name}"
}

resource "aws_sqs_queue" "this" {
  name                      = local.name
  message_retention_seconds = 345600 # 4 days
  # Six times the timeout of the function: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  visibility_timeout_seconds = 6 * var.function.timeout
  sqs_managed_sse_enabled    = true
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed.arn
    maxReceiveCount     = var.maximum_receives
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Topic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = var.topic_arn } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

# Notifications of objects that could not be evaluated. `trailwarden replay --queue-url` evaluates them.
resource "aws_sqs_queue" "failed" {
  name                      = "${local.name}-failed"
  message_retention_seconds = 1209600 # 14 days, the longest SQS keeps a message
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.failed_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_sns_topic_subscription" "this" {
  topic_arn            = var.topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.this.arn
  raw_message_delivery = true

  lifecycle {
    precondition {
      condition     = split(":", var.topic_arn)[3] == local.region
      error_message = "The topic must be in the Region of the function, and so must the bucket."
    }
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn        = aws_sqs_queue.this.arn
  function_name           = var.function.arn
  batch_size              = var.batch_size
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  # Lambda checks the permissions when the mapping is created.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_iam_role_policy" "this" {
  name = "read-${var.suffix}"
  role = var.function.role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "ReceiveNotifications"
          Effect   = "Allow"
          Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          Resource = local.queue_arn
        },
      ],
      local.bucket_statements,
      [for statement in local.key_statements : merge(statement, { Resource = var.kms_key_arn })],
    )
  })
}

locals {
  bucket_statements = [
    {
      Sid      = "ReadLogFiles"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = local.objects_arn
    },
    {
      # Without it, S3 answers that access is denied when an object does not exist.
      Sid      = "TellMissingLogFiles"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = local.bucket_arn
    },
  ]
  key_statements = [for key in var.kms_key_arn[*] : {
    Sid       = "DecryptLogFiles"
    Effect    = "Allow"
    Action    = ["kms:Decrypt"]
    Resource  = "*"
    Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.current.dns_suffix}" } }
  }]

  alarms = {
    late = {
      description = "Log files wait for more than ${var.late_minutes} minutes: the function fails, is throttled, or the event source mapping is gone."
      metric      = "ApproximateAgeOfOldestMessage"
      queue       = aws_sqs_queue.this.name
      threshold   = var.late_minutes * 60
    }
    failed = {
      description = "Log files could not be evaluated. Their notifications wait in the queue ${local.name}-failed for 14 days. Fix the cause, then run `trailwarden replay`."
      metric      = "ApproximateNumberOfMessagesVisible"
      queue       = aws_sqs_queue.failed.name
      threshold   = 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.function.alerts_topic_arn]
  ok_actions          = [var.function.alerts_topic_arn]
  tags                = var.tags
}
