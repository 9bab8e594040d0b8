variable "remediator_role_arn" {
  description = "ARN of the remediator's role: `role_arn` of the output `remediation` of the root module."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.remediator_role_arn))
    error_message = "remediator_role_arn is the ARN of a role."
  }
}

variable "actions" {
  description = "Names of the actions that the role allows, as in docs/remediation.md."
  type        = set(string)
}

variable "regions" {
  description = "Regions in which the actions are made. Default: the Region of the provider."
  type        = set(string)
  default     = null
}

variable "name" {
  description = "Name of the role, the same in all accounts: `remediation.member_role_name` of the root module."
  type        = string
  default     = "trailwarden-remediate"

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.name))
    error_message = "name has 1 to 64 letters, digits and characters of _+=,.@-."
  }
}

variable "external_id" {
  description = "External id that the role requires: `remediation.external_id` of the root module."
  type        = string

  validation {
    condition     = length(var.external_id) <= 1224 && can(regex("^[A-Za-z0-9_+=,.@:/-]{2,}$", var.external_id))
    error_message = "external_id has 2 to 1224 letters, digits and characters of _+=,.@:/-."
  }
}

variable "own_resources" {
  description = "ARNs that the actions must never change, with `*`, such as the role of `modules/member-role` and break-glass roles. The role of this module is always one of them."
  type        = set(string)
  default     = []
}

variable "tags" {
  description = "Tags of the role and its policies."
  type        = map(string)
  default     = {}
}
