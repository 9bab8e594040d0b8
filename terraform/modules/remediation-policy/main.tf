# The statements that let the remediator make the calls of the enabled actions, and no others. Creates nothing.
#
# `actions.json` is generated from the table of actions.

variable "actions" {
  description = "Names of the enabled actions, as in docs/remediation.md."
  type        = set(string)

  validation {
    condition     = alltrue([for name in var.actions : contains(keys(jsondecode(file("${path.module}/actions.json"))), name)])
    error_message = "actions contains a name that docs/remediation.md does not list."
  }
}

variable "partition" {
  description = "Partition of the account, such as `aws`."
  type        = string
}

variable "account" {
  description = "Account in which the actions are made."
  type        = string
}

variable "regions" {
  description = "Regions in which the actions are made. Calls of IAM are made in the partition's main Region."
  type        = set(string)

  validation {
    condition     = length(var.regions) > 0
    error_message = "regions needs at least one Region."
  }
}

variable "own_resources" {
  description = "ARNs that the actions must never change, with `*`: the deployment itself."
  type        = set(string)
  default     = []
}

locals {
  table = jsondecode(file("${path.module}/actions.json"))

  # One statement for each statement of an enabled action. A policy variable such as {region} becomes `*` where several
  # Regions are enabled: the condition on aws:RequestedRegion then limits it.
  region = length(var.regions) == 1 ? one(var.regions) : "*"

  allowed = flatten([
    for name in sort(tolist(var.actions)) : [
      for index, statement in local.table[name] : {
        Sid    = "${join("", [for word in split("-", name) : title(word)])}${index + 1}"
        Effect = "Allow"
        Action = statement.actions
        Resource = [
          for resource in statement.resources :
          replace(replace(replace(resource, "{partition}", var.partition), "{region}", local.region), "{account}", var.account)
        ]
        Condition = { for operator, keys in merge(
          statement.conditions,
          {
            StringEquals = merge(
              lookup(statement.conditions, "StringEquals", {}),
              # Roles and their history are read in one Region of the partition, whatever Regions are enabled.
              alltrue([for action in statement.actions : can(regex("^(iam:|config:GetResourceConfigHistory$)", action))]) ? {} : { "aws:RequestedRegion" = sort(tolist(var.regions)) },
            )
          },
        ) : operator => keys if length(keys) > 0 }
      }
    ]
  ])

  # Explicit denies win over every allow. Actions that restore the deployment may change it.
  restoring = flatten([for name in var.actions : [for statement in local.table[name] : statement.actions if lookup(statement, "restores_own", false)]])
  changing = sort(distinct([
    for action in flatten([for statement in local.allowed : statement.Action]) : action
    if !can(regex(":(Describe|Get|List)", action)) && !contains(local.restoring, action)
  ]))

  denied = length(var.own_resources) == 0 || length(local.changing) == 0 ? [] : [{
    Sid      = "NeverTouchTheDeployment"
    Effect   = "Deny"
    Action   = local.changing
    Resource = sort(tolist(var.own_resources))
  }]

  # A managed policy has at most 6,144 characters, and the inline policies of a role 10,240 together.
  documents = [
    for statements in concat(
      [for start in range(0, length(local.allowed), 16) : slice(local.allowed, start, min(start + 16, length(local.allowed)))],
      [local.denied],
    ) : jsonencode({ Version = "2012-10-17", Statement = statements }) if length(statements) > 0
  ]
}

output "statements" {
  description = "Statements of an IAM policy."
  value       = concat(local.allowed, local.denied)
}

output "documents" {
  description = "The statements as documents of managed policies, which are limited in length."
  value       = local.documents
}
