variable "findings_topic_arn" {
  description = "The output `findings_topic_arn` of the root module."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+([.]fifo)?$", var.findings_topic_arn))
    error_message = "findings_topic_arn is the ARN of a topic."
  }
}

variable "heartbeat_minutes" {
  description = "Minutes between heartbeats: `heartbeat_minutes` of the root module."
  type        = number
  default     = 15

  validation {
    condition     = var.heartbeat_minutes >= 5 && var.heartbeat_minutes <= 60 && floor(var.heartbeat_minutes) == var.heartbeat_minutes
    error_message = "heartbeat_minutes is a whole number from 5 to 60."
  }
}

variable "name" {
  description = "Name of the watcher, and the prefix of the names of its resources."
  type        = string
  default     = "trailwarden-watcher"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,60}$", var.name))
    error_message = "name has 1 to 60 letters, digits, hyphens and underscores."
  }
}

variable "subscriptions" {
  description = "Subscribers to the alarms. Keys are arbitrary names. `email` requires confirmation."
  type = map(object({
    protocol = string
    endpoint = string
  }))
  default = {}
}

variable "tags" {
  description = "Tags of the resources."
  type        = map(string)
  default     = {}
}
