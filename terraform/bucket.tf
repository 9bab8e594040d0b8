resource "aws_s3_bucket" "trail" {
  #checkov:skip=CKV_AWS_18:S3 access logs need a second bucket; who reads log files is better asked of data events
  #checkov:skip=CKV_AWS_144:whether copies in a second Region are worth their price is the organisation's to decide
  #checkov:skip=CKV2_AWS_62:nothing waits for single log files, findings come from the log group
  count = local.creates_trail ? 1 : 0

  bucket              = local.bucket_name
  force_destroy       = var.bucket_force_destroy
  object_lock_enabled = var.bucket_object_lock != null
  tags                = var.tags
}

resource "aws_s3_bucket_object_lock_configuration" "trail" {
  count = local.creates_trail && var.bucket_object_lock != null ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id

  rule {
    default_retention {
      mode = var.bucket_object_lock.mode
      days = var.bucket_object_lock.days
    }
  }

  # S3 locks versions.
  depends_on = [aws_s3_bucket_versioning.trail]
}

resource "aws_s3_bucket_public_access_block" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket                  = aws_s3_bucket.trail[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.bucket_retention_days
    }

    # What was deleted or overwritten can be had back for a month.
    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Rules on old versions need versions.
  depends_on = [aws_s3_bucket_versioning.trail]
}

resource "aws_s3_bucket_policy" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TrailLooksAtTheBucket"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = local.bucket_arn
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "TrailWrites"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource = concat(
          ["${local.bucket_arn}/AWSLogs/${local.trail_owner}/*"],
          var.organization == null ? [] : ["${local.bucket_arn}/AWSLogs/${var.organization.id}/*"],
        )
        Condition = {
          StringEquals = {
            "aws:SourceArn" = local.trail_arn
            "s3:x-amz-acl"  = "bucket-owner-full-control"
          }
        }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  # Both change the bucket's policy status, and S3 refuses to do so at once.
  depends_on = [aws_s3_bucket_public_access_block.trail]
}
