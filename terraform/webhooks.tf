# Alerts by webhook. Secrets are in parameters of Systems Manager or in Secrets Manager, and the function reads them by name.
# What a webhook does not accept waits in a queue, the outbox, which invokes the function again.

locals {
  has_webhooks       = length(var.webhooks) > 0
  outbox_name        = "${var.name}-outbox"
  outbox_failed_name = "${var.name}-outbox-failed"
  outbox_arn         = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.outbox_name}"
  outbox_failed_arn  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.outbox_failed_name}"

  # As the configuration file spells them.
  webhooks = [for webhook in var.webhooks : { for name, value in webhook : replace(name, "_", "-") => value if value != null }]

  webhook_parameters = distinct([for webhook in var.webhooks : trimprefix(webhook.secret, "ssm:") if startswith(webhook.secret, "ssm:")])
  webhook_secrets    = distinct([for webhook in var.webhooks : trimprefix(webhook.secret, "secretsmanager:") if startswith(webhook.secret, "secretsmanager:")])

  webhook_statements = concat(
    [for queue in [local.outbox_arn] : {
      Sid      = "UseOutbox"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
      Resource = queue
    } if local.has_webhooks],
    [for parameters in [concat(
      [for name in local.webhook_parameters : "${local.parameters_prefix}${trimprefix(name, "/")}"],
      # Systems Manager reads secrets of Secrets Manager by these names.
      [for name in local.webhook_secrets : "${local.parameters_prefix}aws/reference/secretsmanager/${name}"],
      )] : {
      Sid      = "ReadWebhookParameters"
      Effect   = "Allow"
      Action   = "ssm:GetParameter"
      Resource = parameters
    } if local.has_webhooks],
    [for secrets in [local.webhook_secrets] : {
      Sid    = "ReadWebhookSecrets"
      Effect = "Allow"
      Action = "secretsmanager:GetSecretValue"
      # Secrets Manager appends a hyphen and six characters to the name.
      Resource = [for name in secrets : "arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:${name}-??????"]
    } if length(secrets) > 0],
    [for keys in [var.webhook_kms_key_arns] : {
      Sid      = "DecryptWebhookSecrets"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = keys
      Condition = {
        StringEquals = { "kms:ViaService" = [for service in ["ssm", "secretsmanager"] : "${service}.${local.region}.${data.aws_partition.current.dns_suffix}"] }
      }
    } if length(keys) > 0],
    [for bus in compact([var.event_bus_arn]) : {
      Sid       = "PutEvents"
      Effect    = "Allow"
      Action    = "events:PutEvents"
      Resource  = bus
      Condition = { StringEquals = { "events:source" = "trailwarden" } }
    }],
  )
  parameters_prefix = "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/"

  webhook_alarms = merge({}, [for outbox in aws_sqs_queue.outbox : {
    outbox-waiting = {
      description = "Alerts have waited for a webhook for more than 15 minutes, and are posted when it accepts them. The function's log has the reason: look for `WebhookFailed`."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      statistic   = "Maximum"
      threshold   = 900
      dimensions  = { QueueName = outbox.name }
    }
    outbox-failed = {
      description = "A webhook did not accept alerts for hours. They wait in the queue ${local.outbox_failed_name} for 14 days: fix the cause, then move them back with `aws sqs start-message-move-task`."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      dimensions  = { QueueName = local.outbox_failed_name }
    }
  }]...)
}

resource "aws_sqs_queue" "outbox" {
  count = local.has_webhooks ? 1 : 0

  name                       = local.outbox_name
  visibility_timeout_seconds = min(6 * var.timeout, 43200) # six times the function's timeout, as Lambda recommends
  message_retention_seconds  = 345600
  sqs_managed_sse_enabled    = true # disabling a key would silence webhooks
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = local.outbox_failed_arn
    maxReceiveCount     = 50 # about five hours with the default timeout
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.outbox_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # The queue that the redrive policy names must exist.
  depends_on = [aws_sqs_queue.outbox_failed]
}

resource "aws_sqs_queue" "outbox_failed" {
  count = local.has_webhooks ? 1 : 0

  name                      = local.outbox_failed_name
  message_retention_seconds = 1209600 # 14 days, the longest SQS keeps a message
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.outbox_arn]
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.outbox_failed_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_lambda_event_source_mapping" "outbox" {
  count = local.has_webhooks ? 1 : 0

  event_source_arn        = aws_sqs_queue.outbox[0].arn
  function_name           = aws_lambda_function.this.function_name
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = 2 # the least that Lambda accepts
  }

  # Lambda checks the permissions when the mapping is created.
  depends_on = [aws_iam_role_policy.function]
}
