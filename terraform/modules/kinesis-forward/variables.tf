variable "destination_arn" {
  description = "ARN of the stream (`stream.arn` of `modules/kinesis-input`), or of the log destination (`modules/log-destination`) for a log group in another account."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:(kinesis:[a-z0-9-]+:[0-9]{12}:stream/|logs:[a-z0-9-]+:[0-9]{12}:destination:).+$", var.destination_arn))
    error_message = "destination_arn is the ARN of a Kinesis stream or of a log destination."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the stream: `stream.kms_key_arn` of `modules/kinesis-input`. Leave it out for a log destination."
  type        = string
  default     = null
}

variable "name" {
  description = "Prefix of the names of the filters or rules, the role and the queue. If it begins with the name of a deployment and a hyphen, that deployment's rules named `own-…` protect them."
  type        = string
  default     = "trailwarden-to-stream"

  validation {
    # The longest name made of it is the role's, of at most 64 characters, with a Region.
    condition     = can(regex("^[A-Za-z0-9_-]{1,44}$", var.name))
    error_message = "name has 1 to 44 letters, digits, hyphens and underscores."
  }
}

variable "log_group_name" {
  description = "Log group that CloudTrail writes to. Default: none, and the events come from EventBridge."
  type        = string
  default     = null

  validation {
    condition     = var.log_group_name == null ? true : can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.log_group_name))
    error_message = "log_group_name is the name of a log group, not its ARN."
  }
}

variable "partition_by" {
  description = "Partition key of the stream: `account` keeps the order of records of each account (for a log group: of each account and Region), `event` spreads records evenly over the shards."
  type        = string
  default     = "account"

  validation {
    condition     = contains(["account", "event"], var.partition_by)
    error_message = "partition_by is account or event."
  }
}

variable "filter_pattern" {
  description = "CloudWatch Logs filter pattern for the records of the log group, or two, one per line. Default: the patterns generated from the built-in rules (`filter_pattern.txt`)."
  type        = string
  default     = null

  validation {
    condition     = var.filter_pattern == null || var.log_group_name != null
    error_message = "filter_pattern is for a log group; EventBridge takes event_patterns."
  }
}

variable "event_bus_name" {
  description = "Bus that the events are taken from, in this account and Region."
  type        = string
  default     = "default"
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
