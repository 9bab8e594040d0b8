# Waits for an approval. The state machine invokes the function with a task token, and the function notifies people. They
# answer by the function URL. The function reads the answer from its table, never from the state machine.
resource "aws_sfn_state_machine" "approval" {
  #checkov:skip=CKV_AWS_284:the function logs each step
  #checkov:skip=CKV_AWS_285:Step Functions keeps the history of standard executions for 90 days
  name     = local.approval_name
  role_arn = aws_iam_role.approval.arn
  tags     = var.tags

  definition = jsonencode({
    Comment        = "Waits for the approval of an action"
    StartAt        = "Ask"
    TimeoutSeconds = 90000 # 25 hours: the policy file allows a day for an answer
    States = {
      Ask = {
        Type               = "Task"
        Resource           = "arn:${local.partition}:states:::lambda:invoke.waitForTaskToken"
        TimeoutSecondsPath = "$.seconds"
        Parameters = {
          FunctionName = local.function_arn
          Payload      = { approval = { ask = { "id.$" = "$.id", "token.$" = "$$.Task.Token" } } }
        }
        ResultPath = null
        Retry      = local.approval_retry
        Catch      = [{ ErrorEquals = ["States.Timeout"], ResultPath = null, Next = "Timeout" }]
        Next       = "Act"
      }
      Act = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::lambda:invoke"
        Parameters = {
          FunctionName = local.function_arn
          Payload      = { approval = { answered = { "id.$" = "$.id" } } }
        }
        Retry = local.approval_retry
        End   = true
      }
      Timeout = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::lambda:invoke"
        Parameters = {
          FunctionName = local.function_arn
          Payload      = { approval = { timeout = { "id.$" = "$.id" } } }
        }
        Retry = local.approval_retry
        End   = true
      }
    }
  })

  depends_on = [aws_iam_role_policy.approval]
}

locals {
  # Each step of the function can be repeated. For 90 seconds after an instance of the function has claimed a record, the others
  # leave it alone.
  approval_retry = [{
    ErrorEquals = [
      "RetryLater", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.ServiceException",
      "Lambda.TooManyRequestsException", "Lambda.Unknown", "Sandbox.Timedout",
    ]
    IntervalSeconds = 15
    BackoffRate     = 2
    MaxAttempts     = 5
  }]
}

resource "aws_iam_role" "approval" {
  name        = local.approval_name
  description = "Invokes ${local.function_name} for approvals"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = local.approval_arn }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "approval" {
  name = "invoke"
  role = aws_iam_role.approval.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Invoke"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = local.function_arn
    }]
  })
}

resource "aws_lambda_function_url" "answers" {
  function_name      = aws_lambda_function.this.function_name
  authorization_type = "AWS_IAM"
}

# The permissions of approvers. In the function's account, identity-based policies are enough.
resource "aws_iam_policy" "approver" {
  name        = "${var.name}-approver"
  description = "Answers requests for approval of ${local.function_name} and reads its records"
  tags        = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Answer"
        Effect    = "Allow"
        Action    = "lambda:InvokeFunctionUrl"
        Resource  = local.function_arn
        Condition = { StringEquals = { "lambda:FunctionUrlAuthType" = "AWS_IAM" } }
      },
      {
        # Function URLs require both actions since October 2025. Without the condition, approvers could send the function any
        # message.
        Sid       = "AnswerByUrlAlone"
        Effect    = "Allow"
        Action    = "lambda:InvokeFunction"
        Resource  = local.function_arn
        Condition = { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }
      },
      {
        Sid      = "ReadRecords"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:Scan"]
        Resource = local.table_arn
      },
      {
        Sid       = "DecryptRecords"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.${local.dns_suffix}" } }
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "approver" {
  for_each = var.settings.approver_roles

  role       = each.value
  policy_arn = aws_iam_policy.approver.arn
}
