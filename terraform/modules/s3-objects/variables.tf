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
variable "topic_arn" {
  description = "ARN of the topic that is told of new objects: the output `topic_arn` of `modules/s3-notifications`, or a topic that the bucket notifies already."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.topic_arn))
    error_message = "topic_arn is the ARN of a standard topic."
  }
}

variable "bucket_name" {
  description = "Name of the bucket that CloudTrail writes to."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name is the name of a bucket, not its ARN."
  }
}

variable "prefix" {
  description = "Prefix of the log files that the function may read, such as `AWSLogs/o-abcdefghij/`."
  type        = string
  default     = "AWSLogs/"
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the log files, if they are encrypted with SSE-KMS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key, not of an alias."
  }
}

variable "suffix" {
  description = "Suffix of the names of the resources after the name of the deployment, for a second bucket."
  type        = string
  default     = "log-files"

  validation {
    condition     = can(regex("^[a-z0-9-]{1,40}$", var.suffix))
    error_message = "suffix has 1 to 40 lower-case letters, digits and hyphens."
  }
}

variable "batch_size" {
  description = "Maximum number of notifications of an invocation. All objects of an invocation are evaluated within the timeout of the function."
  type        = number
  default     = 5

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10 && floor(var.batch_size) == var.batch_size
    error_message = "batch_size is a whole number from 1 to 10."
  }
}

variable "maximum_concurrency" {
  description = "Maximum number of concurrent invocations for the queue. It should be below `reserved_concurrency` of the root module, so that the log group is not throttled."
  type        = number
  default     = 5

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000 && floor(var.maximum_concurrency) == var.maximum_concurrency
    error_message = "maximum_concurrency is a whole number from 2 to 1000."
  }
}

variable "maximum_receives" {
  description = "How often a notification is tried before it goes to the queue of failed ones."
  type        = number
  default     = 5

  validation {
    condition     = var.maximum_receives >= 1 && var.maximum_receives <= 1000 && floor(var.maximum_receives) == var.maximum_receives
    error_message = "maximum_receives is a whole number from 1 to 1000."
  }
}

variable "late_minutes" {
  description = "Minutes that a log file may wait before the alarm fires."
  type        = number
  default     = 30

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
