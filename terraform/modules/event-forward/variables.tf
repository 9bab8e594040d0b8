variable "event_bus_arn" {
  description = "The output `event_bus_arn` of `modules/event-bus`."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]+$", var.event_bus_arn))
    error_message = "event_bus_arn is the ARN of an event bus."
  }
}

variable "name" {
  description = "Prefix of the names of the rules, the role and the queue. If it begins with the name of a deployment and a hyphen, that deployment's rules named `own-…` protect them."
  type        = string
  default     = "trailwarden-forward"

  validation {
    # The longest name made of it is the role's, of at most 64 characters, with a Region.
    condition     = can(regex("^[A-Za-z0-9_-]{1,44}$", var.name))
    error_message = "name has 1 to 44 letters, digits, hyphens and underscores."
  }
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

variable "alarm_actions" {
  description = "ARNs of topics in this Region for the alarm on events that the bus did not take. Without any there is no alarm."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of the resources."
  type        = map(string)
  default     = {}
}
