# The remediator: the statements of its roles, and what it is made of.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

run "one_statement_for_each_statement_of_an_enabled_action" {
  command = plan

  module {
    source = "./modules/remediation-policy"
  }

  variables {
    actions       = ["delete-route", "unshare-snapshot", "restart-trail", "restore-role-trust"]
    partition     = "aws"
    account       = "111122223333"
    regions       = ["eu-west-1", "us-east-1"]
    own_resources = ["arn:aws:cloudtrail:*:111122223333:trail/trailwarden", "arn:aws:iam::111122223333:role/trailwarden/*"]
  }

  assert {
    condition = toset(flatten([for statement in output.statements : statement.Action if statement.Effect == "Allow"])) == toset([
      "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:ListTags", "cloudtrail:StartLogging",
      "config:GetResourceConfigHistory",
      "ec2:DeleteRoute", "ec2:DescribeRouteTables", "ec2:DescribeSnapshotAttribute", "ec2:DescribeTags",
      "ec2:ModifySnapshotAttribute",
      "iam:GetRole", "iam:ListRoleTags", "iam:UpdateAssumeRolePolicy",
    ])
    error_message = "the enabled actions allow other calls than their own"
  }

  assert {
    condition = jsonencode(one([for statement in output.statements : statement.Condition if contains(statement.Action, "ec2:ModifySnapshotAttribute") && statement.Effect == "Allow"])) == jsonencode({
      StringEquals = { "ec2:Remove/group" = "all", "aws:RequestedRegion" = ["eu-west-1", "us-east-1"] }
      Null         = { "ec2:Add/group" = "true" }
    })
    error_message = "the role could publish a snapshot"
  }

  assert {
    condition = jsonencode(one([for statement in output.statements : statement if statement.Effect == "Deny"])) == jsonencode({
      Sid      = "NeverTouchTheDeployment"
      Effect   = "Deny"
      Action   = ["ec2:DeleteRoute", "ec2:ModifySnapshotAttribute", "iam:UpdateAssumeRolePolicy"] # and not cloudtrail:StartLogging
      Resource = ["arn:aws:cloudtrail:*:111122223333:trail/trailwarden", "arn:aws:iam::111122223333:role/trailwarden/*"]
    })
    error_message = "the deployment's own resources are not protected"
  }

  assert {
    condition     = alltrue([for statement in output.statements : can(regex("^[A-Za-z0-9]+$", statement.Sid))])
    error_message = "IAM accepts letters and digits in statement ids"
  }
}

run "each_action_allows_its_reads_and_calls_alone" {
  command = plan

  module {
    source = "./modules/remediation-policy"
  }

  variables {
    actions       = keys(jsondecode(file("modules/remediation-policy/actions.json")))
    partition     = "aws-us-gov"
    account       = "111122223333"
    regions       = ["us-gov-east-1", "us-gov-west-1", "us-gov-north-1", "us-gov-south-1"]
    own_resources = [for number in range(25) : "arn:aws-us-gov:iam::111122223333:role/abcdefghijklmnopqrstuvwxyz12-${number}"]
  }

  assert {
    condition = { for statement in output.statements : statement.Sid => statement.Action if statement.Effect == "Allow" } == merge([
      for name, statements in jsondecode(file("modules/remediation-policy/actions.json")) : {
        for index, statement in statements : "${join("", [for word in split("-", name) : title(word)])}${index + 1}" => statement.actions
      }
    ]...)
    error_message = "A statement allows other calls than the table of actions."
  }

  assert {
    condition = alltrue([for statement in output.statements :
      can(statement.Condition.StringEquals["aws:RequestedRegion"]) || alltrue([for action in statement.Action : can(regex("^(iam:|config:GetResourceConfigHistory$)", action))]) if statement.Effect == "Allow"
    ])
    error_message = "Calls must be limited to the enabled Regions."
  }

  assert {
    condition     = alltrue([for statement in output.statements : alltrue([for keys in values(try(statement.Condition, {})) : length(keys) > 0])])
    error_message = "An operator without keys."
  }

  assert {
    # What restores the deployment may change it.
    condition = length(setintersection(one([for statement in output.statements : statement.Action if statement.Effect == "Deny"]), [
      "cloudtrail:StartLogging", "config:StartConfigurationRecorder", "events:EnableRule", "guardduty:UpdateDetector", "kms:CancelKeyDeletion",
      "kms:EnableKey", "lambda:DeleteFunctionConcurrency",
    ])) == 0
    error_message = "The deployment could not be restored."
  }

  assert {
    condition     = contains(one([for statement in output.statements : statement.Action if statement.Effect == "Deny"]), "iam:UpdateAssumeRolePolicy")
    error_message = "The deployment's roles are not protected."
  }

  assert {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    condition     = length(output.documents) <= 10 && alltrue([for document in output.documents : length(document) <= 6144])
    error_message = "A managed policy is too long, or there are too many."
  }

  assert {
    condition     = flatten([for document in output.documents : [for statement in jsondecode(document).Statement : statement.Sid]]) == [for statement in output.statements : statement.Sid]
    error_message = "A statement is in no document."
  }
}

run "no_action_allows_nothing" {
  command = plan

  module {
    source = "./modules/remediation-policy"
  }

  variables {
    actions   = []
    partition = "aws"
    account   = "111122223333"
    regions   = ["eu-west-1"]
  }

  assert {
    condition     = length(output.statements) == 0 && length(output.documents) == 0
    error_message = "statements without an action"
  }
}

run "an_unknown_action_is_refused" {
  command = plan

  module {
    source = "./modules/remediation-policy"
  }

  variables {
    actions   = ["delete-everything"]
    partition = "aws"
    account   = "111122223333"
    regions   = ["eu-west-1"]
  }

  expect_failures = [var.actions]
}

run "there_is_no_remediator_by_default" {
  command = plan

  variables {
    package_file = "versions.tf"
  }

  assert {
    condition     = length(module.remediation) == 0 && output.remediation == null && !contains(keys(local.tampering_more), "trailwarden-tampering-remediation")
    error_message = "The remediator must be off by default."
  }
}

run "the_remediator_is_part_of_the_deployment" {
  command = plan

  variables {
    package_file = "versions.tf"
    remediation = {
      package_file = "versions.tf"
      policy       = "statements: [{rules: ['*'], mode: plan}]"
      actions      = ["restart-trail", "restore-role-trust"]
    }
  }

  assert {
    condition = toset(keys(local.remediation_alarms)) == toset([
      "remediator-actions-failed", "remediator-approvals", "remediator-approvals-late", "remediator-errors", "remediator-failed",
      "remediator-late", "remediator-rejected", "remediator-throttles", "tampering-remediation-undelivered",
    ])
    error_message = "An alarm is missing, or is not in this list."
  }

  assert {
    condition     = alltrue([for name in keys(local.remediation_alarms) : aws_cloudwatch_metric_alarm.this[name].alarm_actions == toset([aws_sns_topic.alerts.arn])]) && aws_cloudwatch_metric_alarm.this["remediator-late"].threshold == 300
    error_message = "The alarms must tell the alerts topic."
  }

  assert {
    condition = jsonencode([
      output.own_placeholders.own_functions, output.own_placeholders.own_log_groups, output.own_placeholders.own_tables,
      output.own_placeholders.own_parameters, output.own_placeholders.own_state_machines, slice(output.own_placeholders.own_queues, 3, 5),
      ]) == jsonencode([
      ["trailwarden", "trailwarden-remediator"], ["/aws/cloudtrail/trailwarden", "/aws/lambda/trailwarden", "/aws/lambda/trailwarden-remediator"],
      ["trailwarden-state", "trailwarden-remediations"], ["trailwarden-remediation"], ["trailwarden-heartbeat", "trailwarden-approval"],
      ["trailwarden-remediator", "trailwarden-remediator-failed"],
    ])
    error_message = "The function must know the remediator as its own."
  }

  assert {
    condition = toset(flatten([for choice in jsondecode(local.tampering_more["trailwarden-tampering-remediation"]).detail.requestParameters["$or"] : keys(choice)])) == toset([
      "executionArn", "functionName", "logGroupName", "policyArn", "resourceArn", "resourceId", "stateMachineArn", "uUID",
    ])
    error_message = "A way to name a part of the remediator is missing, or is not in this list."
  }

  assert {
    condition     = contains(local.tampering_rule_arns, "arn:aws:events:eu-west-1:111122223333:rule/trailwarden-tampering-remediation")
    error_message = "The alerts topic must admit the rule."
  }

  assert {
    condition = alltrue([for name in ["*/111122223333/trailwarden-*", "trailwarden-", "arn:aws:dynamodb:eu-west-1:111122223333:table/trailwarden-"] :
    strcontains(local.tampering_more["trailwarden-tampering-stores"], jsonencode(name))])
    error_message = "EventBridge must report calls on the queues and tables."
  }

  assert {
    condition     = contains(one([for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Condition.ArnEquals["kms:EncryptionContext:aws:logs:arn"] if statement.Sid == "LogGroups"]), "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/trailwarden-remediator")
    error_message = "CloudWatch Logs must be able to encrypt the remediator's log."
  }

  assert {
    condition     = toset([for arn in local.own_role_arns : split(":role/", arn)[1]]) == toset(output.own_placeholders.own_roles)
    error_message = "The remediator must know every role of the deployment."
  }
}

run "the_longest_name_fits_a_remediator" {
  command = plan

  variables {
    package_file      = "versions.tf"
    name              = "abcdefghijklmnopqrstuvwxyz12"
    on_failure_bucket = true
    remediation = {
      package_file = "versions.tf"
      policy       = "statements: []"
      actions      = ["restart-trail"]
    }
  }

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "us-gov-west-1" }
  }

  assert {
    condition     = alltrue([for pattern in values(local.tampering_rules) : length(pattern) <= 2048])
    error_message = "An event pattern is too long."
  }

  assert {
    # The function refuses a longer configuration.
    condition     = length(aws_lambda_function.this.environment[0].variables.CONFIG) <= 3500
    error_message = "The configuration leaves no room for other variables."
  }

  assert {
    condition     = length(join("", concat(tolist(local.own_resources), tolist(local.own_role_arns)))) <= 3000
    error_message = "The names of the deployment leave no room for a policy file."
  }
}

run "what_the_remediator_is_made_of" {
  command = plan

  module {
    source = "./modules/remediation"
  }

  variables {
    name               = "trailwarden"
    findings_topic_arn = "arn:aws:sns:eu-west-1:111122223333:trailwarden-findings"
    alerts_topic_arn   = "arn:aws:sns:eu-west-1:111122223333:trailwarden-alerts"
    kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    alerts_kms_key_arn = null
    own_resources      = ["arn:aws:iam::111122223333:role/trailwarden-*"]
    own_roles          = ["arn:aws:iam::111122223333:role/trailwarden", "arn:aws:iam::111122223333:role/trailwarden-remediator"]
    architecture       = "arm64"
    log_level          = "INFO"
    log_retention_days = 90
    tags               = {}
    settings = {
      package_file     = "versions.tf"
      policy           = "statements: []"
      actions          = ["restart-trail", "restore-role-trust"]
      member_role_name = "trailwarden-remediate"
      external_id      = "o-abcdefghij"
      approver_roles   = ["SecurityLead"]
    }
  }

  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      FINDINGS_TOPIC_ARN         = "arn:aws:sns:eu-west-1:111122223333:trailwarden-findings"
      ALERTS_TOPIC_ARN           = "arn:aws:sns:eu-west-1:111122223333:trailwarden-alerts"
      REMEDIATION_TABLE          = "trailwarden-remediations"
      REMEDIATION_POLICY         = "statements: []"
      KILL_SWITCH_PARAMETER      = "trailwarden-remediation"
      APPROVAL_STATE_MACHINE_ARN = "arn:aws:states:eu-west-1:111122223333:stateMachine:trailwarden-approval"
      REMEDIATION_ROLE_NAME      = "trailwarden-remediate"
      REMEDIATION_EXTERNAL_ID    = "o-abcdefghij"
      OWN_RESOURCES              = "arn:aws:iam::111122223333:role/trailwarden-*"
      OWN_ROLES                  = "arn:aws:iam::111122223333:role/trailwarden arn:aws:iam::111122223333:role/trailwarden-remediator"
    })
    error_message = "The environment is another than the function reads."
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Sid => { actions = flatten([statement.Action]), resources = flatten([statement.Resource]) } } == {
      WriteOwnLog = {
        actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = ["arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/trailwarden-remediator:log-stream:*"]
      }
      ReceiveFindings = {
        actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
        resources = ["arn:aws:sqs:eu-west-1:111122223333:trailwarden-remediator"]
      }
      KeepRecords = {
        actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
        resources = ["arn:aws:dynamodb:eu-west-1:111122223333:table/trailwarden-remediations"]
      }
      EncryptRecords = {
        actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        resources = ["arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"]
      }
      Publish = {
        actions   = ["sns:Publish"]
        resources = ["arn:aws:sns:eu-west-1:111122223333:trailwarden-findings", "arn:aws:sns:eu-west-1:111122223333:trailwarden-alerts"]
      }
      EncryptMessages = {
        actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
        resources = ["arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"]
      }
      ReadSwitch = {
        actions   = ["ssm:GetParameter"]
        resources = ["arn:aws:ssm:eu-west-1:111122223333:parameter/trailwarden-remediation"]
      }
      RequestApproval = {
        actions   = ["states:StartExecution", "states:SendTaskSuccess"]
        resources = ["arn:aws:states:eu-west-1:111122223333:stateMachine:trailwarden-approval"]
      }
      AssumeMemberRole = {
        actions   = ["sts:AssumeRole"]
        resources = ["arn:aws:iam::*:role/trailwarden-remediate"]
      }
    }
    error_message = "The remediator must have one statement per purpose, and no other."
  }

  assert {
    condition     = [for policy in aws_iam_policy.actions : policy.policy] == module.policy.documents && length(aws_iam_role_policy_attachment.actions) == length(module.policy.documents)
    error_message = "The role must have the statements of the enabled actions, with their denies."
  }

  assert {
    # A message is a request to act, so nobody but the findings topic may send one.
    condition = { for statement in jsondecode(aws_sqs_queue.findings.policy).Statement : statement.Sid => [statement.Effect, statement.Action, statement.Condition] } == {
      FindingsTopic = ["Allow", "sqs:SendMessage", { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:eu-west-1:111122223333:trailwarden-findings" } }]
      NobodyElse    = ["Deny", "sqs:SendMessage", { ArnNotEquals = { "aws:SourceArn" = "arn:aws:sns:eu-west-1:111122223333:trailwarden-findings" } }]
      OnlyTls       = ["Deny", "sqs:*", { Bool = { "aws:SecureTransport" = "false" } }]
    }
    error_message = "The queue must admit the findings topic alone."
  }

  assert {
    condition     = !aws_sns_topic_subscription.findings.raw_message_delivery && jsondecode(aws_sns_topic_subscription.findings.filter_policy).status == ["NON_COMPLIANT"]
    error_message = "The remediator reads SNS envelopes of findings that are neither suppressed nor resolved."
  }

  assert {
    # An invocation ends before another instance may take up its record, and a message comes back after that.
    condition     = aws_lambda_function.this.timeout < 90 && aws_sqs_queue.findings.visibility_timeout_seconds >= 90
    error_message = "Two instances could work on one record."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.findings.function_response_types == toset(["ReportBatchItemFailures"]) && one(aws_lambda_event_source_mapping.findings.scaling_config).maximum_concurrency == 2
    error_message = "Messages that failed, and no others, must stay in the queue."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.findings.redrive_policy).deadLetterTargetArn == "arn:aws:sqs:eu-west-1:111122223333:trailwarden-remediator-failed" && jsondecode(aws_sqs_queue.failed.redrive_allow_policy).sourceQueueArns == ["arn:aws:sqs:eu-west-1:111122223333:trailwarden-remediator"]
    error_message = "Messages that failed for good must be kept."
  }

  assert {
    condition     = aws_dynamodb_table.this.hash_key == "id" && aws_dynamodb_table.this.deletion_protection_enabled && one(aws_dynamodb_table.this.point_in_time_recovery).enabled && one(aws_dynamodb_table.this.ttl).attribute_name == "expires" && one(aws_dynamodb_table.this.server_side_encryption).kms_key_arn == var.kms_key_arn
    error_message = "Records must be encrypted, protected and expire."
  }

  assert {
    condition     = aws_ssm_parameter.switch.value == "on" && aws_ssm_parameter.switch.allowed_pattern == "^(on|off)$"
    error_message = "The kill switch is `on` or `off`."
  }

  assert {
    condition     = aws_lambda_function_url.answers.authorization_type == "AWS_IAM"
    error_message = "Only approvers may use the URL."
  }

  assert {
    # Without the condition, an approver could send the function a finding of their own.
    condition     = alltrue([for statement in jsondecode(aws_iam_policy.approver.policy).Statement : statement.Condition == { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } } if statement.Action == "lambda:InvokeFunction"])
    error_message = "Approvers must invoke the function by its URL alone."
  }

  assert {
    condition     = [for attachment in aws_iam_role_policy_attachment.approver : attachment.role] == ["SecurityLead"]
    error_message = "The approvers' roles must have the policy."
  }

  assert {
    condition = { for name, state in jsondecode(aws_sfn_state_machine.approval.definition).States : name => state.Parameters.Payload } == {
      Ask     = { approval = { ask = { "id.$" = "$.id", "token.$" = "$$.Task.Token" } } }
      Act     = { approval = { answered = { "id.$" = "$.id" } } }
      Timeout = { approval = { timeout = { "id.$" = "$.id" } } }
    }
    error_message = "The function reads other payloads."
  }

  assert {
    # No answer means no. Other errors must not count as an answer.
    condition     = jsondecode(aws_sfn_state_machine.approval.definition).States.Ask.Catch == [{ ErrorEquals = ["States.Timeout"], ResultPath = null, Next = "Timeout" }] && jsondecode(aws_sfn_state_machine.approval.definition).States.Ask.TimeoutSecondsPath == "$.seconds"
    error_message = "Only a timeout may lead to the state Timeout."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.approval.policy).Statement == [{ Sid = "Invoke", Effect = "Allow", Action = "lambda:InvokeFunction", Resource = "arn:aws:lambda:eu-west-1:111122223333:function:trailwarden-remediator" }]
    error_message = "The state machine must invoke the remediator and do nothing else."
  }
}

run "the_remediation_role_of_a_member_trusts_the_remediator_alone" {
  command = plan

  module {
    source = "./modules/remediation-member-role"
  }

  variables {
    remediator_role_arn = "arn:aws:iam::444455556666:role/trailwarden-remediator"
    external_id         = "o-abcdefghij"
    actions             = ["restore-role-trust", "unshare-snapshot"]
    own_resources       = ["arn:aws:iam::111122223333:role/trailwarden-read"]
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::444455556666:root" }
      Action    = "sts:AssumeRole"
      Condition = {
        ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::444455556666:role/trailwarden-remediator" }
        StringEquals = { "sts:ExternalId" = "o-abcdefghij" }
        StringLike   = { "sts:RoleSessionName" = ["trailwarden-remediator", "????????-????-????-????-????????????"] }
      }
    }]
    error_message = "The role must trust the remediator with the external id and its session names alone."
  }

  assert {
    condition = toset(flatten([for policy in aws_iam_policy.actions : [for statement in jsondecode(policy.policy).Statement : statement.Resource if statement.Effect == "Deny"]])) == toset([
      "arn:aws:iam::111122223333:role/trailwarden-read", "arn:aws:iam::111122223333:role/trailwarden-remediate",
    ])
    error_message = "The role must not change itself."
  }
}
