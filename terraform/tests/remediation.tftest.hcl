# The statements of the remediator's role.

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
      Action   = ["ec2:DeleteRoute", "ec2:ModifySnapshotAttribute", "iam:UpdateAssumeRolePolicy"]
      Resource = ["arn:aws:cloudtrail:*:111122223333:trail/trailwarden", "arn:aws:iam::111122223333:role/trailwarden/*"]
    })
    error_message = "the deployment's own resources are not protected"
  }

  assert {
    condition     = alltrue([for statement in output.statements : can(regex("^[A-Za-z0-9]+$", statement.Sid))])
    error_message = "IAM accepts letters and digits in statement ids"
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
    condition     = length(output.statements) == 0
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
