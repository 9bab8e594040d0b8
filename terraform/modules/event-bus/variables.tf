variable "function" {
  description = "The output `function` of the root module."
  type = object({
    name             = string
    arn              = string
    role_name        = string
    timeout          = number
    kms_key_arn      = string
    on_failure_arn   = string
    alerts_topic_arn = string
  })
}

variable "organization_id" {
  description = "Id of the organization whose accounts may send events."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null ? true : can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id looks like o-abcdefghij."
  }

  validation {
    condition     = var.organization_id != null || length(var.accounts) > 0
    error_message = "Give organization_id, accounts or both: nobody could send events otherwise."
  }
}

variable "accounts" {
  description = "Accounts that may send events, if there is no organization."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "accounts have twelve digits each."
  }
}

variable "default_bus" {
  description = "Whether events arrive on the default bus of the account and Region, instead of a bus of their own. The module then owns the policy of the default bus, and the rules match the events of the account and Region itself, too."
  type        = bool
  default     = false
}

variable "event_patterns" {
  description = "Event patterns, each for a rule of its own, as `trailwarden filter-pattern --format eventbridge` prints them: `split(\"\\n\", trimspace(file(…)))`. Default: the patterns generated from the built-in rules (`event_patterns.txt`)."
  type        = list(string)
  default     = null

  validation {
    condition     = var.event_patterns == null ? true : length(var.event_patterns) > 0 && alltrue([for pattern in var.event_patterns : can(keys(jsondecode(pattern))) && length(pattern) <= 2048])
    error_message = "event_patterns are JSON objects of at most 2048 characters each, at least one."
  }
}

variable "all_events" {
  description = "Whether all CloudTrail events pass, not only those that the rules can match."
  type        = bool
  default     = false

  validation {
    condition     = !var.all_events || var.event_patterns == null
    error_message = "Give either event_patterns or all_events."
  }
}

variable "read_events" {
  description = "Whether management events that only read pass, too. EventBridge delivers them only to rules in the state `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of the resources."
  type        = map(string)
  default     = {}
}
