# What the function could not evaluate or publish after all retries; `trailwarden replay` reads it. An SQS message has at
# most 256 KiB, and an asynchronous payload may have 1 MB, so a bucket is the alternative.
resource "aws_sqs_queue" "on_failure" {
  count = var.on_failure_bucket ? 0 : 1

  name                      = "${var.name}-on-failure"
  message_retention_seconds = 1209600 # 14 days, the longest SQS keeps a message
  kms_master_key_id         = aws_kms_key.this.arn
  tags                      = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.on_failure_queue_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600 # 6 hours, the longest Lambda keeps an event

  destination_config {
    on_failure {
      destination = one(concat(aws_sqs_queue.on_failure[*].arn, aws_s3_bucket.on_failure[*].arn))
    }
  }
}

resource "aws_s3_bucket" "on_failure" {
  #checkov:skip=CKV_AWS_18:Lambda writes failed payloads and operators read them; data events tell who did
  #checkov:skip=CKV_AWS_144:the trail's bucket has the same records
  #checkov:skip=CKV2_AWS_62:the alarm `on-failure` reports new objects
  count = var.on_failure_bucket ? 1 : 0

  bucket        = local.failures_name
  force_destroy = var.bucket_force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "on_failure" {
  count = var.on_failure_bucket ? 1 : 0

  bucket                  = aws_s3_bucket.on_failure[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "on_failure" {
  count = var.on_failure_bucket ? 1 : 0

  bucket = aws_s3_bucket.on_failure[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "on_failure" {
  count = var.on_failure_bucket ? 1 : 0

  bucket = aws_s3_bucket.on_failure[0].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "on_failure" {
  count = var.on_failure_bucket ? 1 : 0

  bucket = aws_s3_bucket.on_failure[0].id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.log_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Rules on old versions need versions.
  depends_on = [aws_s3_bucket_versioning.on_failure]
}

resource "aws_s3_bucket_policy" "on_failure" {
  count = var.on_failure_bucket ? 1 : 0

  bucket = aws_s3_bucket.on_failure[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.failures_arn, "${local.failures_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # Both change the bucket's policy status, and S3 refuses to do so at once.
  depends_on = [aws_s3_bucket_public_access_block.on_failure]
}
