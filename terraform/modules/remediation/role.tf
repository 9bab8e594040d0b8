resource "aws_iam_role" "function" {
  name        = local.function_name
  description = "Permissions of the function ${local.function_name}"
  # iam:PassRole hands a role to functions of its own account alone, and Lambda documents no condition keys here.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.function.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.function_statements })
}

# One statement per purpose.
locals {
  function_statements = concat(
    [
      {
        Sid      = "WriteOwnLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${local.log_group_arn}:log-stream:*"
      },
      {
        Sid      = "ReceiveFindings"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
        Resource = local.queue_arn
      },
      {
        # The function never deletes or lists records.
        Sid      = "KeepRecords"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = local.table_arn
      },
      {
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
        Sid       = "EncryptRecords"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.${local.dns_suffix}" } }
      },
      {
        Sid      = "Publish"
        Effect   = "Allow"
        Action   = "sns:Publish"
        Resource = [var.findings_topic_arn, var.alerts_topic_arn]
      },
      {
        Sid       = "EncryptMessages"
        Effect    = "Allow"
        Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource  = compact([var.kms_key_arn, var.alerts_kms_key_arn])
        Condition = { StringEquals = { "kms:ViaService" = "sns.${local.region}.${local.dns_suffix}" } }
      },
      {
        Sid      = "ReadSwitch"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = local.switch_arn
      },
      {
        Sid      = "RequestApproval"
        Effect   = "Allow"
        Action   = ["states:StartExecution", "states:SendTaskSuccess"]
        Resource = local.approval_arn
      },
    ],
    [for outbox in [var.outbox] : {
      Sid      = "TellWebhooks"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = outbox.arn
    } if outbox != null],
    [for name in compact([var.settings.member_role_name]) : {
      Sid      = "AssumeMemberRole"
      Effect   = "Allow"
      Action   = "sts:AssumeRole"
      Resource = "arn:${local.partition}:iam::*:role/${name}"
    }],
    [for read in [var.settings.organizational_units] : {
      # The parents of an account and of an organizational unit, which belong to the management account.
      Sid      = "ReadOrganizationalUnits"
      Effect   = "Allow"
      Action   = "organizations:ListParents"
      Resource = ["arn:${local.partition}:organizations::*:account/o-*/*", "arn:${local.partition}:organizations::*:ou/o-*/*"]
    } if read],
  )
}

# The reads and calls of the enabled actions in this account, without their inverse calls: the function cannot undo its own
# actions.
module "policy" {
  source = "../remediation-policy"

  actions       = var.settings.actions
  partition     = local.partition
  account       = local.account
  regions       = local.regions
  own_resources = var.own_resources
}

resource "aws_iam_policy" "actions" {
  #checkov:skip=CKV_AWS_355:calls without resource-level permissions are limited to Regions
  #checkov:skip=CKV_AWS_289:restoring a trust policy is one of the actions; roles of the deployment are denied
  #checkov:skip=CKV_AWS_290:the calls of actions are limited to Regions, and to conditions where AWS has any
  count = length(module.policy.documents)

  name        = "${local.function_name}-${count.index + 1}"
  description = "Actions of ${local.function_name}"
  policy      = module.policy.documents[count.index]
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "actions" {
  count = length(module.policy.documents)

  role       = aws_iam_role.function.name
  policy_arn = aws_iam_policy.actions[count.index].arn
}
