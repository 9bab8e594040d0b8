# Records of actions with the state from before, locks, limits and answers of approvers.
resource "aws_dynamodb_table" "this" {
  name                        = local.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = var.settings.deletion_protection
  tags                        = var.tags

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}

# The kill switch. The remediator acts only while the value is `on`.
resource "aws_ssm_parameter" "switch" {
  #checkov:skip=CKV2_AWS_34:the value is `on` or `off`, nothing secret
  name            = local.switch_name
  description     = "Kill switch of ${local.function_name}: it acts only while the value is `on`"
  type            = "String"
  value           = "on"
  allowed_pattern = "^(on|off)$"
  tags            = var.tags

  # People set it by hand. An apply must not set it again.
  lifecycle {
    ignore_changes = [value]
  }
}
