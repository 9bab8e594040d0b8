variable "function_role_arn" {
  description = "ARN of the function's role: the output `function_role_arn` of the root module."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.function_role_arn))
    error_message = "function_role_arn is the ARN of a role."
  }
}

variable "name" {
  description = "Name of the role, the same in all accounts: `live_state.member_role_name` of the root module."
  type        = string
  default     = "trailwarden-read"

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.name))
    error_message = "name has 1 to 64 letters, digits and characters of _+=,.@-."
  }
}

variable "external_id" {
  description = "External id that the role requires: `live_state.external_id` of the root module."
  type        = string
  default     = null

  validation {
    condition     = var.external_id == null ? true : length(var.external_id) <= 1224 && can(regex("^[A-Za-z0-9_+=,.@:/-]{2,}$", var.external_id))
    error_message = "external_id has 2 to 1224 letters, digits and characters of _+=,.@:/-."
  }
}

variable "answer_config" {
  description = "Whether the function also answers Config rules of this account, and reads their configuration items."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
}
