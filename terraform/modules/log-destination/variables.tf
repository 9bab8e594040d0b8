variable "stream" {
  description = "The output `stream` of `modules/kinesis-input`."
  type = object({
    arn         = string
    kms_key_arn = string
  })
}

variable "name" {
  description = "Name of the destination. If it begins with the name of a deployment and a hyphen, that deployment's rules named `own-…` protect it."
  type        = string
  default     = "trailwarden-destination"

  validation {
    # The longest name made of it is the role's, of at most 64 characters, with a Region.
    condition     = can(regex("^[A-Za-z0-9_-]{1,44}$", var.name))
    error_message = "name has 1 to 44 letters, digits, hyphens and underscores."
  }
}

variable "organization_id" {
  description = "Id of the organization whose accounts may subscribe their log groups."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null ? true : can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id looks like o-abcdefghij."
  }

  validation {
    condition     = var.organization_id != null || length(var.accounts) > 0
    error_message = "Give organization_id, accounts or both: nobody could subscribe a log group otherwise."
  }
}

variable "accounts" {
  description = "Accounts that may subscribe their log groups, if there is no organization."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "accounts have twelve digits each."
  }
}

variable "tags" {
  description = "Tags of the resources."
  type        = map(string)
  default     = {}
}
