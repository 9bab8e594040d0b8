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

variable "rule" {
  description = "The custom rule of AWS Config that invokes the function, or null for none. `resource_types` limits the types of resources. `parameters` are `trustedAccounts`, `allowedPorts` and `exemptTags`. `schedule` is how often the whole inventory is evaluated besides: `One_Hour`, `Three_Hours`, `Six_Hours`, `Twelve_Hours`, `TwentyFour_Hours`, or null for never."
  type = object({
    name           = optional(string)
    resource_types = optional(set(string))
    parameters     = optional(map(string), {})
    schedule       = optional(string)
  })
  default = {}

  validation {
    condition     = var.rule == null ? true : alltrue([for name in keys(var.rule.parameters) : contains(["trustedAccounts", "allowedPorts", "exemptTags"], name)])
    error_message = "rule.parameters may be trustedAccounts, allowedPorts and exemptTags."
  }

  validation {
    condition     = try(var.rule.parameters["trustedAccounts"], null) == null ? true : can(regex("^ *[0-9]{12} *(, *[0-9]{12} *)*$", var.rule.parameters["trustedAccounts"]))
    error_message = "rule.parameters.trustedAccounts are account ids of twelve digits, separated by commas."
  }

  validation {
    condition     = try(var.rule.parameters["allowedPorts"], null) == null ? true : can(regex("^ *[0-9]{1,5}( *- *[0-9]{1,5})? *(, *[0-9]{1,5}( *- *[0-9]{1,5})? *)*$", var.rule.parameters["allowedPorts"]))
    error_message = "rule.parameters.allowedPorts are ports or ranges such as 8000-8080, separated by commas."
  }

  validation {
    condition     = var.rule == null ? true : var.rule.schedule == null ? true : contains(["One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours"], var.rule.schedule)
    error_message = "rule.schedule is One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours or null."
  }

  validation {
    condition     = var.rule == null ? true : var.rule.resource_types == null ? true : length(var.rule.resource_types) > 0 && alltrue([for type in var.rule.resource_types : can(regex("^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$", type))])
    error_message = "rule.resource_types look like AWS::EC2::SecurityGroup, at least one."
  }
}

variable "member_accounts" {
  description = "Other accounts whose Config rules may invoke the function: those of an organization rule, for example."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.member_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "member_accounts have twelve digits each."
  }
}

variable "execution_role_name" {
  description = "Name of the role in the member accounts that AWS Config names to the function, with its path. The function may assume it. Its permissions are `config:PutEvaluations`, `config:GetResourceConfigHistory` and `config:SelectResourceConfig`."
  type        = string
  default     = null

  validation {
    condition     = var.execution_role_name == null ? true : can(regex("^[A-Za-z0-9_+=,.@/-]{1,512}$", var.execution_role_name)) && !startswith(var.execution_role_name, "/")
    error_message = "execution_role_name is the name of a role with its path, such as audit/config-rules, not its ARN."
  }
}

variable "events" {
  description = "Whether configuration items of this account and Region also reach the function by EventBridge, which needs no rule of AWS Config. It is best effort, and nothing is answered."
  type        = bool
  default     = false
}

variable "topic_arn" {
  description = "ARN of the SNS topic of a delivery channel, in this Region, whose notifications the function evaluates. Its policy must admit the subscription."
  type        = string
  default     = null

  validation {
    condition     = var.topic_arn == null ? true : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.topic_arn))
    error_message = "topic_arn is the ARN of a standard SNS topic."
  }
}

variable "recorder" {
  description = "Creates the configuration recorder and its delivery channel. An account has at most one in a Region, and most have one: the default is none. `bucket_name` is a bucket that admits AWS Config. `resource_types` are recorded, by default those that the rules evaluate. `global_resources`: whether IAM roles are recorded, in one Region of the account."
  type = object({
    bucket_name      = string
    bucket_prefix    = optional(string)
    topic_arn        = optional(string)
    resource_types   = optional(set(string))
    global_resources = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.recorder == null ? true : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.recorder.bucket_name))
    error_message = "recorder.bucket_name is the name of a bucket, not its ARN."
  }
}

variable "tags" {
  description = "Tags of the resources."
  type        = map(string)
  default     = {}
}
