# The role that the function assumes in a member account to read live state. It can read what the function reads at home,
# and nothing else; with `answer_config`, it also answers Config rules.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

module "live_state_policy" {
  source = "../live-state-policy"

  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Trailwarden reads EC2 and IAM to confirm findings"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      # The account with a condition rather than the role: it need not be there yet, and may be made anew.
      Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${split(":", var.function_role_arn)[4]}:root" }
      Action    = "sts:AssumeRole"
      Condition = merge(
        { ArnEquals = { "aws:PrincipalArn" = var.function_role_arn } },
        var.external_id == null ? {} : { StringEquals = { "sts:ExternalId" = var.external_id } },
      )
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_355:EC2's Describe calls know no resources
  name = "read-live-state"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      module.live_state_policy.statements,
      [for answers in [var.answer_config] : {
        Sid    = "AnswerConfig"
        Effect = "Allow"
        Action = ["config:GetResourceConfigHistory", "config:PutEvaluations", "config:SelectResourceConfig"]
        # These actions do not support resources.
        Resource = "*"
      } if answers],
    )
  })
}
