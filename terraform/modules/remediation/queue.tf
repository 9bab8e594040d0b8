# Findings for the function. SQS delivers a message again if the function fails or is throttled.
resource "aws_sqs_queue" "findings" {
  name                       = local.queue_name
  visibility_timeout_seconds = local.visibility
  message_retention_seconds  = 86400
  sqs_managed_sse_enabled    = true # a key would have to admit SNS, and disabling it would stop the remediator
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = local.failed_arn
    maxReceiveCount     = 8 # about 12 minutes
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "FindingsTopic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = var.findings_topic_arn } }
      },
      {
        # A message is a request to act. Without this statement, every principal with sqs:SendMessage could send one.
        Sid       = "NobodyElse"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = { ArnNotEquals = { "aws:SourceArn" = var.findings_topic_arn } }
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

  # The queue that the redrive policy names must exist.
  depends_on = [aws_sqs_queue.failed]
}

# Messages that failed after all retries. The alarm `remediator-failed` reports them.
resource "aws_sqs_queue" "failed" {
  name                      = local.failed_name
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

# Suppressed and resolved findings, warnings and heartbeats are filtered out. The function checks the SNS envelope, so delivery
# is not raw.
resource "aws_sns_topic_subscription" "findings" {
  topic_arn            = var.findings_topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.findings.arn
  raw_message_delivery = false
  filter_policy = jsonencode({
    status = ["NON_COMPLIANT"]
    rule   = [{ anything-but = ["heartbeat", "heartbeat-canary"] }]
  })
}

resource "aws_lambda_event_source_mapping" "findings" {
  event_source_arn        = aws_sqs_queue.findings.arn
  function_name           = aws_lambda_function.this.function_name
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = 2 # the least that Lambda accepts
  }
}
