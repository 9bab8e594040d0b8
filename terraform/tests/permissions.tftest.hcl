# Who may do what. Policies are JSON in the plan, so they are read here as they would be applied.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  # Any file will do, nothing is uploaded.
  package_file = "versions.tf"
}

run "the_function_has_one_statement_a_need" {
  command = plan

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Sid => { actions = flatten([statement.Action]), resources = flatten([statement.Resource]) } } == {
      WriteOwnLog = {
        actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = ["arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/trailwarden:log-stream:*"]
      }
      Publish = {
        actions   = ["sns:Publish"]
        resources = ["arn:aws:sns:eu-west-1:111122223333:trailwarden-findings", "arn:aws:sns:eu-west-1:111122223333:trailwarden-alerts"]
      }
      KeepFailures = {
        actions   = ["sqs:SendMessage"]
        resources = ["arn:aws:sqs:eu-west-1:111122223333:trailwarden-on-failure"]
      }
      EncryptMessages = {
        actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
        resources = [aws_kms_key.this.arn, aws_kms_key.alerts[0].arn]
      }
      KeepState = {
        actions   = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        resources = ["arn:aws:dynamodb:eu-west-1:111122223333:table/trailwarden-state"]
      }
    }
    error_message = "Without live state the function may log, publish, keep failures and encrypt those, and nothing else."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Condition if statement.Sid == "EncryptMessages"][0] == { StringEquals = { "kms:ViaService" = ["sns.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"] } }
    error_message = "The key is for messages: the function must not decrypt log files with it."
  }

  assert {
    condition     = !anytrue([for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : anytrue([for resource in flatten([statement.Resource]) : strcontains(resource, ":log-group:/aws/cloudtrail/")])])
    error_message = "The function must not write to the log group that feeds it."
  }
}

run "no_role_may_do_anything_at_all" {
  command = plan

  variables {
    live_state    = { member_role_name = "trailwarden-read" }
    account_names = true
  }

  assert {
    condition = alltrue(flatten([
      for policy in [
        aws_iam_role_policy.function.policy,
        aws_iam_role_policy.trail[0].policy,
        aws_iam_role_policy.heartbeat[0].policy,
        aws_iam_role_policy.heartbeat_schedule[0].policy,
        aws_iam_role_policy.tampering_forward.policy,
      ] : [for statement in jsondecode(policy).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "*")]]
    ]))
    error_message = "A role's policy must name every action."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [
        aws_iam_role_policy.function.policy,
        aws_iam_role_policy.trail[0].policy,
        aws_iam_role_policy.heartbeat[0].policy,
        aws_iam_role_policy.heartbeat_schedule[0].policy,
        aws_iam_role_policy.tampering_forward.policy,
      ] : [for statement in jsondecode(policy).Statement : !contains(flatten([statement.Resource]), "*") || statement.Sid == "ReadReachability"]
    ]))
    error_message = "Only EC2's Describe calls, which know no resources, may have `*` for one."
  }
}

run "live_state_at_home_assumes_no_role" {
  command = plan

  variables {
    live_state = {}
  }

  assert {
    condition     = alltrue([for action in flatten([for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Action if startswith(statement.Sid, "Read")]) : can(regex("^(ec2:(Describe|Get)|iam:(Get|List))", action))])
    error_message = "Live state is read, never changed."
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Sid]) == toset(["WriteOwnLog", "Publish", "KeepFailures", "EncryptMessages", "KeepState", "ReadReachability", "ReadRoles", "ReadPolicies"])
    error_message = "Without a member role the function must not assume roles."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables["LIVE_STATE"] == "on" && !contains(keys(aws_lambda_function.this.environment[0].variables), "MEMBER_ROLE_NAME")
    error_message = "The function must be told to read this account alone."
  }
}

run "live_state_elsewhere_assumes_the_member_role_alone" {
  command = plan

  variables {
    live_state = { member_role_name = "trailwarden-read", external_id = "o-abcdefghij" }
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Resource if statement.Action == "sts:AssumeRole"] == ["arn:aws:iam::*:role/trailwarden-read"]
    error_message = "The function must assume the member role alone."
  }

  assert {
    condition     = { for name, value in aws_lambda_function.this.environment[0].variables : name => value if startswith(name, "MEMBER_ROLE") } == { MEMBER_ROLE_NAME = "trailwarden-read", MEMBER_ROLE_EXTERNAL_ID = "o-abcdefghij", MEMBER_ROLE_SESSION_NAME = "trailwarden" }
    error_message = "The function must be told how to assume the member role."
  }
}

run "names_of_accounts_need_organizations" {
  command = plan

  variables {
    live_state    = {}
    account_names = true
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Action if statement.Sid == "NameAccounts"] == ["organizations:DescribeAccount"] && aws_lambda_function.this.environment[0].variables["ACCOUNT_NAMES"] == "organizations"
    error_message = "Names of accounts need organizations:DescribeAccount, and the function must be told."
  }
}

run "services_act_for_this_deployment_alone" {
  command = plan

  assert {
    # Trust that iam:PassRole keeps within the account anyway is left out.
    condition = alltrue(flatten([
      for policy in [
        aws_kms_key.this.policy,
        aws_kms_key.alerts[0].policy,
        aws_s3_bucket_policy.trail[0].policy,
        aws_sns_topic_policy.findings.policy,
        aws_sns_topic_policy.alerts.policy,
        aws_sqs_queue.on_failure[0].policy,
        aws_sqs_queue.heartbeats[0].policy,
        aws_sqs_queue.canaries[0].policy,
        aws_iam_role.heartbeat[0].assume_role_policy,
        aws_iam_role.heartbeat_schedule[0].assume_role_policy,
        aws_iam_role.tampering_forward.assume_role_policy,
        ] : [for statement in jsondecode(policy).Statement : length(setintersection(
          flatten([for keys in values(statement.Condition) : keys(keys)]),
          ["aws:SourceArn", "kms:EncryptionContext:aws:logs:arn", "kms:EncryptionContext:aws:sns:topicArn"],
      )) > 0 if statement.Effect == "Allow" && can(statement.Principal.Service)]
    ]))
    error_message = "A service principal without a condition acts for anybody who asks it to."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [
        aws_s3_bucket_policy.trail[0].policy,
        aws_sns_topic_policy.findings.policy,
        aws_sns_topic_policy.alerts.policy,
        aws_sqs_queue.on_failure[0].policy,
        aws_sqs_queue.heartbeats[0].policy,
        aws_sqs_queue.canaries[0].policy,
      ] : anytrue([for statement in jsondecode(policy).Statement : statement.Effect == "Deny" && statement.Principal == "*" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"])
    ]))
    error_message = "Bucket, topics and queues must refuse what comes without TLS."
  }

  assert {
    condition     = [for statement in jsondecode(aws_sns_topic_policy.findings.policy).Statement : statement.Effect] == ["Deny"]
    error_message = "Nobody but the function, by its own policy, may publish findings."
  }

  assert {
    condition     = alltrue([for policy in [aws_kms_key.this.policy, aws_kms_key.alerts[0].policy] : [for statement in jsondecode(policy).Statement : statement.Sid if can(statement.Principal.AWS)] == ["Account"]])
    error_message = "Each key must be given to the account and services alone."
  }

  assert {
    condition     = aws_lambda_permission.tampering.principal == "events.amazonaws.com" && aws_lambda_permission.tampering.source_arn == aws_cloudwatch_event_rule.tampering.arn
    error_message = "EventBridge may invoke the function for this rule alone."
  }
}

run "cloudtrail_writes_its_own_streams" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role_policy.trail[0].policy).Statement[0].Resource == ["arn:aws:logs:eu-west-1:111122223333:log-group:/aws/cloudtrail/trailwarden:log-stream:111122223333_CloudTrail_*"]
    error_message = "CloudTrail must write to no stream but its own."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.heartbeat[0].policy).Statement[0].Resource == "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/cloudtrail/trailwarden:log-stream:trailwarden-heartbeat"
    error_message = "Heartbeats must go to no stream but their own."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.heartbeat[0].policy).Statement : [statement.Action, statement.Resource]][1] == ["events:EnableRule", "arn:aws:events:eu-west-1:111122223333:rule/trailwarden-tampering"]
    error_message = "A canary must enable one rule and do nothing else."
  }
}

run "the_member_role_trusts_the_function_alone" {
  command = plan

  module {
    source = "./modules/member-role"
  }

  variables {
    function_role_arn = "arn:aws:iam::444455556666:role/trailwarden"
    external_id       = "o-abcdefghij"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::444455556666:root" }
      Action    = "sts:AssumeRole"
      Condition = {
        ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::444455556666:role/trailwarden" }
        StringEquals = { "sts:ExternalId" = "o-abcdefghij" }
      }
    }]
    error_message = "The member role must trust the function's role with the external id alone."
  }

  assert {
    condition     = alltrue([for action in flatten([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action]) : can(regex("^(ec2:(Describe|Get)|iam:(Get|List))[A-Za-z]+$", action))])
    error_message = "The member role must read EC2 and IAM, and nothing else."
  }
}

run "watchers_subscribe_and_do_nothing_else" {
  command = plan

  variables {
    watcher_accounts = ["444455556666"]
  }

  assert {
    condition = jsondecode(aws_sns_topic_policy.findings.policy).Statement[1] == {
      Sid       = "Watchers"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::444455556666:root"] }
      Action    = ["sns:Subscribe", "sns:GetTopicAttributes"]
      Resource  = "arn:aws:sns:eu-west-1:111122223333:trailwarden-findings"
    }
    error_message = "A watcher's account must subscribe to the findings topic and nothing else."
  }
}
