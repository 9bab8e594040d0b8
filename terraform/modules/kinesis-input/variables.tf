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

variable "shards" {
  description = "Number of shards of the stream. A shard takes 1 MB and 1,000 records a second. Default: an on-demand stream."
  type        = number
  default     = null

  validation {
    condition     = var.shards == null ? true : var.shards >= 1 && floor(var.shards) == var.shards
    error_message = "shards is a whole number from 1, or null."
  }
}

variable "retention_hours" {
  description = "Hours that the stream keeps records, and that Lambda retries them."
  type        = number
  default     = 72

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 168 && floor(var.retention_hours) == var.retention_hours
    error_message = "retention_hours is a whole number from 24 to 168."
  }
}

variable "batch_size" {
  description = "Maximum number of stream records of an invocation. A record may contain many CloudTrail records."
  type        = number
  default     = 100

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10000 && floor(var.batch_size) == var.batch_size
    error_message = "batch_size is a whole number from 1 to 10000."
  }
}

variable "batching_seconds" {
  description = "Maximum number of seconds that Lambda gathers records before it invokes the function."
  type        = number
  default     = 0

  validation {
    condition     = var.batching_seconds >= 0 && var.batching_seconds <= 300 && floor(var.batching_seconds) == var.batching_seconds
    error_message = "batching_seconds is a whole number from 0 to 300."
  }
}

variable "parallelization_factor" {
  description = "Concurrent invocations for each shard. Records with the same partition key stay in order."
  type        = number
  default     = 1

  validation {
    condition     = var.parallelization_factor >= 1 && var.parallelization_factor <= 10 && floor(var.parallelization_factor) == var.parallelization_factor
    error_message = "parallelization_factor is a whole number from 1 to 10."
  }
}

variable "maximum_retry_attempts" {
  description = "Retries of a record before it goes to the on-failure destination."
  type        = number
  default     = 5

  validation {
    condition     = var.maximum_retry_attempts >= 0 && var.maximum_retry_attempts <= 10000 && floor(var.maximum_retry_attempts) == var.maximum_retry_attempts
    error_message = "maximum_retry_attempts is a whole number from 0 to 10000."
  }
}

variable "late_minutes" {
  description = "Minutes that the function may be behind the stream before the alarm fires."
  type        = number
  default     = 15

  validation {
    condition     = var.late_minutes >= 1
    error_message = "late_minutes is at least 1."
  }
}

variable "tags" {
  description = "Tags of the resources."
  type        = map(string)
  default     = {}
}
