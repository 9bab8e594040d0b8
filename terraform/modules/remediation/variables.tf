# ---- The deployment that the remediator belongs to ------------------------------------------------------------------

variable "name" {
  description = "Name of the deployment: `name` of the root module."
  type        = string
}

variable "findings_topic_arn" {
  description = "ARN of the findings topic."
  type        = string
}

variable "alerts_topic_arn" {
  description = "ARN of the alerts topic."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key of the table, the function's log group and the findings topic."
  type        = string
}

variable "alerts_kms_key_arn" {
  description = "ARN of the key of the alerts topic, or null if it has none."
  type        = string
}

variable "own_resources" {
  description = "ARNs of the deployment's resources, with `*`. Actions never change them, except to restore them."
  type        = set(string)
}

variable "own_roles" {
  description = "ARNs of the deployment's roles, whose calls are never undone."
  type        = set(string)
}

variable "architecture" {
  description = "Architecture of the function: `arm64` or `x86_64`."
  type        = string
}

variable "log_level" {
  description = "Minimum log level of the function."
  type        = string
}

variable "log_retention_days" {
  description = "Retention of the function's log group in days."
  type        = number
}

variable "tags" {
  description = "Tags of the resources."
  type        = map(string)
}

# ---- What may be undone ---------------------------------------------------------------------------------------------

variable "settings" {
  description = "The variable `remediation` of the root module."
  type = object({
    package_file = optional(string)
    package_s3 = optional(object({
      bucket           = string
      key              = string
      object_version   = optional(string)
      source_code_hash = optional(string)
    }))
    layers               = optional(list(string), [])
    policy               = optional(string)
    policy_file          = optional(string)
    actions              = set(string)
    regions              = optional(set(string))
    member_role_name     = optional(string)
    external_id          = optional(string)
    organizational_units = optional(bool, false)
    approver_roles       = optional(set(string), [])
    reserved_concurrency = optional(number, 5)
    deletion_protection  = optional(bool, true)
  })
}

variable "outbox" {
  description = "The queue by which webhooks are told that problems are resolved, if there are webhooks."
  type = object({
    arn = string
    url = string
  })
  default = null
}
