# A Kinesis stream of CloudTrail records, and its event source mapping to the function. `modules/kinesis-forward` and
# `modules/log-destination` write to the stream. Apply it in the account and Region of the function.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  name       = "${var.function.name}-stream"
  stream_arn = "arn:${local.partition}:kinesis:${local.region}:${local.account}:stream/${local.name}"
}

resource "aws_kinesis_stream" "this" {
  name             = local.name
  shard_count      = var.shards
  retention_period = var.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = var.function.kms_key_arn
  tags             = var.tags

  stream_mode_details {
    stream_mode = var.shards == null ? "ON_DEMAND" : "PROVISIONED"
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn                   = aws_kinesis_stream.this.arn
  function_name                      = var.function.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_seconds
  parallelization_factor             = var.parallelization_factor
  tags                               = var.tags

  # The function names the first record that failed. Without these, one bad record blocks its shard until it expires.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = var.maximum_retry_attempts
  maximum_record_age_in_seconds  = var.retention_hours * 3600

  # A queue gets the position of the batch in the stream, a bucket the records too.
  destination_config {
    on_failure {
      destination_arn = var.function.on_failure_arn
    }
  }

  # Lambda checks the permissions when the mapping is created.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_iam_role_policy" "this" {
  name = "read-stream"
  role = var.function.role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "ReadStream"
        Effect = "Allow"
        # https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
        Action   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
        Resource = local.stream_arn
      },
      {
        Sid      = "DecryptStream"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.function.kms_key_arn
        Condition = {
          StringEquals = { "kms:ViaService" = "kinesis.${local.region}.${data.aws_partition.current.dns_suffix}" }
        }
      },
    ]
  })
}

locals {
  alarms = {
    late = {
      description = "The function is behind the stream by more than ${var.late_minutes} minutes, or nothing reads the stream: check the event source mapping and the function."
      namespace   = "AWS/Kinesis"
      metric      = "GetRecords.IteratorAgeMilliseconds"
      dimensions  = { StreamName = local.name }
      threshold   = var.late_minutes * 60000
    }
    throttled = {
      description = "Writers of the stream are throttled. Add shards, or leave `shards` out for an on-demand stream."
      namespace   = "AWS/Kinesis"
      metric      = "WriteProvisionedThroughputExceeded"
      dimensions  = { StreamName = local.name }
      threshold   = 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  # Without a reader there is no iterator and no age.
  treat_missing_data = each.key == "late" ? "breaching" : "notBreaching"
  alarm_actions      = [var.function.alerts_topic_arn]
  ok_actions         = [var.function.alerts_topic_arn]
  tags               = var.tags
}
