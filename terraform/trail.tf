resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:CloudTrail's own topic tells of each log file; findings go to topics of their own
  count = local.creates_trail ? 1 : 0

  name                          = var.name
  is_multi_region_trail         = true
  is_organization_trail         = var.organization != null
  include_global_service_events = true
  enable_log_file_validation    = true
  s3_bucket_name                = aws_s3_bucket.trail[0].id
  kms_key_id                    = aws_kms_key.this.arn
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[0].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[0].arn
  tags                          = var.tags

  # Without selectors, a trail records all management events and no data events.
  dynamic "advanced_event_selector" {
    for_each = local.event_selectors

    content {
      name = advanced_event_selector.value.name

      dynamic "field_selector" {
        for_each = advanced_event_selector.value.fields

        content {
          field       = field_selector.value.field
          equals      = lookup(field_selector.value, "equals", null)
          not_equals  = lookup(field_selector.value, "not_equals", null)
          starts_with = lookup(field_selector.value, "starts_with", null)
        }
      }
    }
  }

  # CloudTrail tries to write when the trail is created.
  depends_on = [aws_s3_bucket_policy.trail, aws_iam_role_policy.trail]

  lifecycle {
    precondition {
      condition     = !contains(local.data_buckets, local.bucket_name)
      error_message = "data_events.buckets contains the trail's own bucket: CloudTrail would record every log file that it writes."
    }
  }
}

locals {
  data_buckets    = try(var.data_events.buckets, [])
  has_selectors   = length(local.data_buckets) + length(var.excluded_management_sources) > 0
  event_selectors = [for selector in concat([local.management_selector], local.data_selectors) : selector if local.has_selectors]

  management_selector = {
    name = "Management events"
    fields = concat(
      [{ field = "eventCategory", equals = ["Management"] }],
      [for sources in [var.excluded_management_sources] : { field = "eventSource", not_equals = sources } if length(sources) > 0],
    )
  }
  data_selectors = [for buckets in [local.data_buckets] : {
    name = "Data events of watched buckets"
    fields = concat(
      [
        { field = "eventCategory", equals = ["Data"] },
        { field = "resources.type", equals = ["AWS::S3::Object"] },
        { field = "resources.ARN", starts_with = [for bucket in buckets : "arn:${local.partition}:s3:::${bucket}/"] },
      ],
      [for read in [var.data_events.read] : { field = "readOnly", equals = ["false"] } if !read],
    )
  } if length(buckets) > 0]
}

check "excluded_management_sources" {
  assert {
    condition     = length(var.excluded_management_sources) == 0
    error_message = "The trail does not record management events of ${join(" and ", var.excluded_management_sources)}: rules about them, such as those on keys, find nothing."
  }
}

# What CloudTrail writes to the log group with.
resource "aws_iam_role" "trail" {
  count = local.creates_trail ? 1 : 0

  name        = "${var.name}-trail-to-logs"
  description = "CloudTrail writes to the log group ${local.log_group_name}"
  # iam:PassRole hands a role to trails of its own account alone, and CloudTrail documents no condition keys here.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "trail" {
  count = local.creates_trail ? 1 : 0

  name = "write-trail"
  role = aws_iam_role.trail[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "WriteTrail"
      Effect = "Allow"
      Action = ["logs:CreateLogStream", "logs:PutLogEvents"]
      # CloudTrail names its streams by account and Region, and those of an organisation by its id.
      Resource = concat(
        ["${local.log_group_arn}:log-stream:${local.trail_owner}_CloudTrail_*"],
        var.organization == null ? [] : ["${local.log_group_arn}:log-stream:${var.organization.id}_*"],
      )
    }]
  })
}
