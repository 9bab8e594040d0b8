variable "bucket_name" {
  description = "Name of the bucket that CloudTrail writes to."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name is the name of a bucket, not its ARN."
  }
}

variable "prefix" {
  description = "Prefix of the log files in the bucket, such as `AWSLogs/o-abcdefghij/`."
  type        = string
  default     = "AWSLogs/"
}

variable "subscriber_accounts" {
  description = "Other accounts that may subscribe to the topic: that of the function, if it is another one."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.subscriber_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "subscriber_accounts have twelve digits each."
  }
}

variable "name" {
  description = "Name of the topic."
  type        = string
  default     = "trailwarden-log-files"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,256}$", var.name))
    error_message = "name has 1 to 256 letters, digits, hyphens and underscores."
  }
}

variable "tags" {
  description = "Tags of the resources."
  type        = map(string)
  default     = {}
}
