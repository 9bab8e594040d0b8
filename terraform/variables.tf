# ---- Names ----------------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of the deployment, and the prefix of the names of its resources."
  type        = string
  default     = "trailwarden"

  validation {
    # The longest name made of it is the bucket's, of at most 63 characters.
    condition     = can(regex("^[a-z][a-z0-9-]{0,26}[a-z0-9]$", var.name))
    error_message = "name has 2 to 28 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
}

# ---- The function's package -----------------------------------------------------------------------------------------

variable "package_file" {
  description = "Path of the zip file that contains `bootstrap`. Set either this or `package_s3`."
  type        = string
  default     = null

  validation {
    condition     = (var.package_file == null) != (var.package_s3 == null)
    error_message = "Give either package_file or package_s3."
  }
}

variable "package_s3" {
  description = "Location of the zip file in S3, in the same Region. A change of `object_version` or `source_code_hash` (base64 of its SHA-256) deploys a new version."
  type = object({
    bucket           = string
    key              = string
    object_version   = optional(string)
    source_code_hash = optional(string)
  })
  default = null
}

variable "architecture" {
  description = "Architecture of `bootstrap`: `arm64` or `x86_64`."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "memory_size" {
  description = "Memory of the function in MB. CPU is proportional to it. A delivery may decompress to 64 MiB."
  type        = number
  default     = 512

  validation {
    condition     = var.memory_size >= 256 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size is a whole number from 256 to 10240."
  }
}

variable "timeout" {
  description = "Timeout of the function in seconds."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout >= 10 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "timeout is a whole number from 10 to 900."
  }
}

variable "reserved_concurrency" {
  description = "Reserved concurrency of the function, which is also its limit. `-1` reserves none, for accounts whose quota is too small: AWS requires 100 unreserved executions (10 in new accounts)."
  type        = number
  default     = 10

  validation {
    # 0 would stop the function: that is tampering, not configuration.
    condition     = var.reserved_concurrency == -1 || (var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency)
    error_message = "reserved_concurrency is -1 or a whole number from 1."
  }
}

variable "log_level" {
  description = "Minimum log level of the function: `TRACE`, `DEBUG` or `INFO`. All three have the same effect, because the function logs nothing below `INFO`. Levels above `INFO` are not allowed, because Lambda would drop the log lines that contain the metrics."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO"], var.log_level)
    error_message = "log_level is TRACE, DEBUG or INFO."
  }
}

# ---- Rules, configuration and exemptions of one's own ---------------------------------------------------------------

variable "layers" {
  description = "ARNs of Lambda layer versions, which Lambda unpacks below `/opt`. A layer can contain rules, the configuration file and exemptions."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.layers) <= 5
    error_message = "A function has at most 5 layers."
  }
}

variable "rules_directories" {
  description = "Directories with additional rules, as paths in the function, such as `/opt/rules` or `/var/task/rules`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for directory in var.rules_directories : startswith(directory, "/") && !strcontains(directory, ":")])
    error_message = "rules_directories are absolute paths without colons."
  }
}

variable "configuration" {
  description = "Configuration of the rules, as an object with the keys of the configuration file, such as `{ packs = { blocked-actions-extended = true } }`, or `yamldecode(file(…))`. The names of this deployment are added to its `placeholders`. The function's whole environment is limited to 4 KB."
  type        = any
  default     = {}

  validation {
    condition     = can(keys(var.configuration)) && can(keys(try(var.configuration.placeholders, {})))
    error_message = "configuration is an object with the keys of the configuration file."
  }

  validation {
    condition     = length(try(keys(var.configuration), [])) == 0 || var.configuration_file == null
    error_message = "Give either configuration or configuration_file."
  }
}

variable "configuration_file" {
  description = "Path of the configuration file in the function, such as `/opt/trailwarden.yml`, if it is too large for `configuration`. It should contain the output `own_placeholders`."
  type        = string
  default     = null

  validation {
    condition     = var.configuration_file == null ? true : startswith(var.configuration_file, "/")
    error_message = "configuration_file is an absolute path."
  }
}

variable "exemptions_file" {
  description = "Path of the exemptions file in the function, such as `/opt/exemptions.yml`."
  type        = string
  default     = null

  validation {
    condition     = var.exemptions_file == null ? true : startswith(var.exemptions_file, "/")
    error_message = "exemptions_file is an absolute path."
  }
}

# ---- The trail and its log group ------------------------------------------------------------------------------------

variable "existing_trail" {
  description = "An existing trail: its log group in this account and Region, of the Standard class and with room for one subscription filter per filter pattern. The module then creates no trail, bucket or log group. If you set the ARN and bucket, they are watched for tampering."
  type = object({
    log_group_name = string
    arn            = optional(string)
    bucket_name    = optional(string)
  })
  default = null

  validation {
    condition     = var.existing_trail == null ? true : can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.existing_trail.log_group_name))
    error_message = "existing_trail.log_group_name is the name of a log group, not its ARN."
  }

  validation {
    # Each invocation would log lines that invoke it again. Lambda's loop detection does not see log groups.
    condition     = try(var.existing_trail.log_group_name, null) != "/aws/lambda/${var.name}"
    error_message = "existing_trail.log_group_name is the function's own log group: it would invoke itself for ever."
  }

  validation {
    condition     = try(var.existing_trail.arn, null) == null ? true : can(regex("^arn:[a-z-]+:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/.+$", var.existing_trail.arn))
    error_message = "existing_trail.arn is the ARN of a trail."
  }

  validation {
    condition     = (try(var.existing_trail.arn, null) == null) == (try(var.existing_trail.bucket_name, null) == null)
    error_message = "existing_trail has arn and bucket_name, or neither."
  }
}

variable "organization" {
  description = "Creates a trail for all accounts of an organization. Apply in the management account, or in a delegated administrator of CloudTrail with `management_account_id`, which owns the trail. Trusted access of CloudTrail must be enabled."
  type = object({
    id                    = string
    management_account_id = optional(string)
  })
  default = null

  validation {
    condition     = var.organization == null ? true : can(regex("^o-[a-z0-9]{10,32}$", var.organization.id))
    error_message = "organization.id looks like o-abcdefghij."
  }

  validation {
    condition     = try(var.organization.management_account_id, null) == null ? true : can(regex("^[0-9]{12}$", var.organization.management_account_id))
    error_message = "organization.management_account_id has twelve digits."
  }

  validation {
    condition     = var.organization == null || var.existing_trail == null
    error_message = "organization is for the trail made here, not for existing_trail."
  }
}

variable "data_events" {
  description = "S3 buckets whose data events the trail records: uploads and deletions, with `read` downloads too. The rule `watched-bucket-written` reports uploads to them, because their names are added to the placeholder `watched_buckets`. CloudTrail charges for data events."
  type = object({
    buckets = list(string)
    read    = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.data_events == null ? true : length(var.data_events.buckets) > 0 && alltrue([for bucket in var.data_events.buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", bucket))])
    error_message = "data_events.buckets are names of buckets, not ARNs, at least one."
  }

  validation {
    condition     = var.data_events == null || var.existing_trail == null
    error_message = "data_events is for the trail made here. Add an event selector to existing_trail where it is defined, and its buckets to the placeholder watched_buckets."
  }
}

variable "excluded_management_sources" {
  description = "Event sources whose management events the trail does not record: `kms.amazonaws.com`, `rdsdata.amazonaws.com` or both. Rules about them find nothing, and `terraform plan` warns."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for source in var.excluded_management_sources : contains(["kms.amazonaws.com", "rdsdata.amazonaws.com"], source)])
    error_message = "CloudTrail can exclude kms.amazonaws.com and rdsdata.amazonaws.com alone."
  }

  validation {
    condition     = length(var.excluded_management_sources) == 0 || var.existing_trail == null
    error_message = "excluded_management_sources is for the trail made here, not for existing_trail."
  }
}

variable "bucket_retention_days" {
  description = "Number of days after which log files in the trail's bucket are deleted."
  type        = number
  default     = 400

  validation {
    condition     = var.bucket_retention_days >= 90 && floor(var.bucket_retention_days) == var.bucket_retention_days
    error_message = "bucket_retention_days is a whole number from 90."
  }
}

variable "bucket_force_destroy" {
  description = "Whether `terraform destroy` deletes the trail's bucket with the log files in it."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Retention of log groups in days. The trail's bucket keeps log files longer and at lower cost."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of the periods that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "filter_pattern" {
  description = "CloudWatch Logs filter pattern for the events that reach the function, or two patterns, one per line, for two subscription filters. Default: the patterns generated from the built-in rules (`filter_pattern.txt`). Generate new ones with `trailwarden filter-pattern` when you add or enable rules. The empty pattern passes everything."
  type        = string
  default     = null
}

variable "on_failure_bucket" {
  description = "Whether deliveries that failed after all retries go to a bucket instead of a queue. A queue message is limited to 256 KiB, an asynchronous payload to 1 MB. The bucket keeps them for `log_retention_days`. `trailwarden replay` reads copies of its objects."
  type        = bool
  default     = false
}

variable "bucket_object_lock" {
  description = "S3 Object Lock for log files in the trail's bucket. For `days`, they can be deleted only with `s3:BypassGovernanceRetention` (mode `GOVERNANCE`) or not at all, not even by `terraform destroy` (mode `COMPLIANCE`). Set it on the first apply, because the AWS provider replaces a bucket when this changes."
  type = object({
    mode = string
    days = number
  })
  default = null

  validation {
    condition     = var.bucket_object_lock == null ? true : contains(["GOVERNANCE", "COMPLIANCE"], var.bucket_object_lock.mode) && var.bucket_object_lock.days >= 1 && floor(var.bucket_object_lock.days) == var.bucket_object_lock.days
    error_message = "bucket_object_lock has mode GOVERNANCE or COMPLIANCE, and days, a whole number from 1."
  }
}

# ---- Topics ---------------------------------------------------------------------------------------------------------

variable "findings_topic_fifo" {
  description = "Whether the findings topic is a FIFO topic, which keeps the order of findings per resource and drops retries for five minutes. It delivers only to SQS queues."
  type        = bool
  default     = false
}

variable "findings_subscriptions" {
  description = "Subscribers to findings (OCSF documents). Keys are arbitrary names. The policy of a queue must allow `sns.amazonaws.com` to send messages, with the topic as `aws:SourceArn`. `filter_policy` is a JSON filter policy over message attributes. Queues and streams receive bare documents unless `raw_message_delivery` is false."
  type = map(object({
    protocol              = string
    endpoint              = string
    filter_policy         = optional(string)
    raw_message_delivery  = optional(bool)
    subscription_role_arn = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for subscription in values(var.findings_subscriptions) : contains(["sqs", "lambda", "firehose", "https", "email-json"], subscription.protocol)])
    error_message = "The protocol of findings_subscriptions is sqs, lambda, firehose, https or email-json. People want alerts_subscriptions."
  }

  validation {
    condition     = !var.findings_topic_fifo || alltrue([for subscription in values(var.findings_subscriptions) : subscription.protocol == "sqs"])
    error_message = "A FIFO topic delivers to sqs alone."
  }

  validation {
    condition     = alltrue([for subscription in values(var.findings_subscriptions) : (subscription.protocol == "firehose") == (subscription.subscription_role_arn != null)])
    error_message = "firehose, and no other protocol, needs subscription_role_arn."
  }
}

variable "alerts_subscriptions" {
  description = "Subscribers to alerts in plain text. Keys are arbitrary names. Protocols: `email` (requires confirmation), `sms`, `https`, `sqs` and `lambda`. Amazon Q Developer in chat applications subscribes itself when its channel configuration names the topic (`alerts_topic_arn`). Tampering alerts of EventBridge have no message attributes, so a `filter_policy` excludes them."
  type = map(object({
    protocol      = string
    endpoint      = string
    filter_policy = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for subscription in values(var.alerts_subscriptions) : contains(["email", "sms", "https", "sqs", "lambda"], subscription.protocol)])
    error_message = "The protocol of alerts_subscriptions is email, sms, https, sqs or lambda."
  }
}

variable "alarms_subscriptions" {
  description = "Subscriptions to the alarms topic, in the form of `alerts_subscriptions`. `null` subscribes those of `alerts_subscriptions` without their filter policies."
  type = map(object({
    protocol = string
    endpoint = string
  }))
  default = null

  validation {
    condition     = alltrue([for subscription in values(coalesce(var.alarms_subscriptions, {})) : contains(["email", "email-json", "sms", "https", "sqs", "lambda"], subscription.protocol)])
    error_message = "The protocol of a subscription to alarms is email, email-json, sms, https, sqs or lambda."
  }
}

variable "encrypt_alerts" {
  description = "Whether the alerts topic is encrypted with a key of its own. Without a key, disabling the key cannot silence the topic, but SNS stores alerts unencrypted until they are delivered."
  type        = bool
  default     = true
}

variable "alerts_min_severity" {
  description = "Minimum severity of alerts: `Informational`, `Low`, `Medium`, `High` or `Critical`."
  type        = string
  default     = "Medium"

  validation {
    condition     = contains(["Informational", "Low", "Medium", "High", "Critical"], var.alerts_min_severity)
    error_message = "alerts_min_severity is Informational, Low, Medium, High or Critical."
  }
}

variable "alerts_quiet_minutes" {
  description = "Minutes of a quiet period: after an alert, further findings of the same rule by the same caller in the same account become one digest at its end. `null` keeps no state: then each environment of the function limits alerts by itself."
  type        = number
  default     = 60

  validation {
    condition     = var.alerts_quiet_minutes == null ? true : var.alerts_quiet_minutes >= 1 && var.alerts_quiet_minutes <= 1440 && floor(var.alerts_quiet_minutes) == var.alerts_quiet_minutes
    error_message = "alerts_quiet_minutes is a whole number from 1 to 1440, or null."
  }
}

# ---- Webhooks and EventBridge ---------------------------------------------------------------------------------------

variable "webhooks" {
  description = "Webhooks that receive alerts, each with a `name` and a `kind`: `slack`, `teams`, `pagerduty` or `json`. `secret` names a parameter (`ssm:/path/name`) or a secret (`secretsmanager:name`) of this account and Region: the URL of an incoming webhook of Slack, the token of a Slack bot if there is a `channel`, the URL of a workflow of Teams, the integration key of PagerDuty, or for `json` the key of the signature. Without `min_severity` it is `Medium`. `rules` and `except_rules` have names of rules and packs. With `configuration_file`, the file must contain the same `webhooks`."
  type = list(object({
    name            = string
    kind            = string
    secret          = string
    url             = optional(string)
    channel         = optional(string)
    min_severity    = optional(string)
    rules           = optional(list(string))
    accounts        = optional(list(string))
    except_rules    = optional(list(string))
    except_accounts = optional(list(string))
  }))
  default = []

  validation {
    condition     = alltrue([for webhook in var.webhooks : can(regex("^[A-Za-z0-9_-]{1,64}$", webhook.name))]) && length(distinct(var.webhooks[*].name)) == length(var.webhooks)
    error_message = "Each of webhooks has a name of its own, of 1 to 64 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = alltrue([for webhook in var.webhooks : contains(["slack", "teams", "pagerduty", "json"], webhook.kind)])
    error_message = "The kind of webhooks is slack, teams, pagerduty or json."
  }

  validation {
    condition     = alltrue([for webhook in var.webhooks : can(regex("^(ssm:[A-Za-z0-9_./-]+|secretsmanager:[A-Za-z0-9_./+=@-]+)$", webhook.secret))])
    error_message = "The secret of webhooks is ssm:/path/name or secretsmanager:name, never the secret itself."
  }

  validation {
    condition     = alltrue([for webhook in var.webhooks : webhook.kind != "json" || webhook.url != null]) && alltrue([for webhook in var.webhooks : webhook.url == null ? true : startswith(webhook.url, "https://")])
    error_message = "A webhook of the kind json has a url, which begins with https://."
  }

  validation {
    condition     = alltrue([for webhook in var.webhooks : webhook.min_severity == null ? true : contains(["Informational", "Low", "Medium", "High", "Critical"], webhook.min_severity)])
    error_message = "The min_severity of webhooks is Informational, Low, Medium, High or Critical."
  }
}

variable "webhook_kms_key_arns" {
  description = "ARNs of the customer managed keys that encrypt the secrets of `webhooks`. The keys of AWS (`aws/ssm`, `aws/secretsmanager`) need no permission."
  type        = list(string)
  default     = []
}

variable "event_bus_arn" {
  description = "ARN of an EventBridge event bus in this Region that receives every finding, as an event with the source `trailwarden` and the detail type `Compliance Finding`."
  type        = string
  default     = null

  validation {
    condition     = var.event_bus_arn == null ? true : can(regex("^arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9/._-]+$", var.event_bus_arn))
    error_message = "event_bus_arn is the ARN of an event bus."
  }
}

# ---- Watching -------------------------------------------------------------------------------------------------------

variable "heartbeat_minutes" {
  description = "Minutes between heartbeats: test records written to the log group, which must arrive on the findings topic. `null` sends none, and an outage is then detected after a day instead of an hour. A heartbeat tests log group, subscription, function, key and topic. The canary that is sent with it tests the delivery by CloudTrail. Neither tests the subscribers of the topic."
  type        = number
  default     = 15

  validation {
    condition     = var.heartbeat_minutes == null ? true : var.heartbeat_minutes >= 5 && var.heartbeat_minutes <= 60 && floor(var.heartbeat_minutes) == var.heartbeat_minutes
    error_message = "heartbeat_minutes is a whole number from 5 to 60, or null."
  }
}

variable "watcher_accounts" {
  description = "Accounts that may subscribe to the findings topic, for `modules/watcher` in a second account. They can also subscribe to findings."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.watcher_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "watcher_accounts have twelve digits each."
  }
}

variable "log_streams" {
  description = "Log streams whose events are evaluated, with `*` and `?` as wildcards. The default is CloudTrail's log streams, and `*` means all. The stream of heartbeats is added. A delivery of another stream is rejected and goes to the on-failure destination."
  type        = list(string)
  default     = null

  validation {
    condition     = var.log_streams == null ? true : length(var.log_streams) > 0 && alltrue([for stream in var.log_streams : can(regex("^[^:,]{1,512}$", stream))])
    error_message = "log_streams are names of log streams without colons and commas, at least one."
  }
}

# ---- Live state -----------------------------------------------------------------------------------------------------

variable "live_state" {
  description = "Allows the function to read EC2 and IAM to verify findings: with `{}` in this account, and with `member_role_name` in every account that has the role (`modules/member-role`)."
  type = object({
    member_role_name = optional(string)
    external_id      = optional(string)
    session_name     = optional(string, "trailwarden")
  })
  default = null

  validation {
    condition     = try(var.live_state.member_role_name, null) == null ? true : can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.live_state.member_role_name))
    error_message = "live_state.member_role_name is the name of a role without a path, not its ARN."
  }

  validation {
    condition     = try(var.live_state.external_id, null) == null || try(var.live_state.member_role_name, null) != null
    error_message = "live_state.external_id is for the role that member_role_name names."
  }

  validation {
    condition     = var.live_state == null ? true : can(regex("^[A-Za-z0-9_+=,.@-]{2,64}$", var.live_state.session_name))
    error_message = "live_state.session_name has 2 to 64 letters, digits and characters of _+=,.@-."
  }

  validation {
    condition     = try(var.live_state.external_id, null) == null ? true : length(var.live_state.external_id) <= 1224 && can(regex("^[A-Za-z0-9_+=,.@:/-]{2,}$", var.live_state.external_id))
    error_message = "live_state.external_id has 2 to 1224 letters, digits and characters of _+=,.@:/-."
  }
}

variable "account_names" {
  description = "Whether the function looks up account names. Requires `live_state`, and the management account or a delegated administrator of AWS Organizations."
  type        = bool
  default     = false

  validation {
    # The function refuses to start with it.
    condition     = !var.account_names || var.live_state != null
    error_message = "account_names needs live_state, which may be {}."
  }
}

# ---- Remediation ----------------------------------------------------------------------------------------------------

variable "remediation" {
  description = "Deploys the remediator, which undoes what findings report, within the limits of a policy file: `policy` is its text, or `policy_file` its path in the function, such as `/opt/remediation.yml`. `package_file` or `package_s3` contains the binary `remediator`. `actions` names the actions that its role allows, and `regions` the Regions, this one by default. With `member_role_name` it also acts in accounts that have the role (`modules/remediation-member-role`). `organizational_units` allows it to read them, for a policy file that names them. `approver_roles` are roles of this account that may answer requests for approval."
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
  default = null

  validation {
    condition     = var.remediation == null ? true : (var.remediation.package_file == null) != (var.remediation.package_s3 == null)
    error_message = "Give either remediation.package_file or remediation.package_s3."
  }

  validation {
    condition     = var.remediation == null ? true : (var.remediation.policy == null) != (var.remediation.policy_file == null)
    error_message = "Give either remediation.policy, such as file(\"remediation.yml\"), or remediation.policy_file."
  }

  validation {
    condition     = try(var.remediation.policy, null) == null ? true : can(keys(yamldecode(var.remediation.policy)))
    error_message = "remediation.policy is the text of a policy file, not its path. Check it with `trailwarden remediate --policy FILE`."
  }

  validation {
    condition     = try(var.remediation.policy_file, null) == null ? true : startswith(var.remediation.policy_file, "/")
    error_message = "remediation.policy_file is an absolute path."
  }

  validation {
    condition     = var.remediation == null ? true : var.remediation.regions == null ? true : length(var.remediation.regions) > 0
    error_message = "remediation.regions needs at least one Region."
  }

  validation {
    condition     = try(var.remediation.member_role_name, null) == null ? true : can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.remediation.member_role_name))
    error_message = "remediation.member_role_name is the name of a role without a path, not its ARN."
  }

  validation {
    condition     = try(var.remediation.external_id, null) == null || try(var.remediation.member_role_name, null) != null
    error_message = "remediation.external_id is for the role that member_role_name names."
  }

  validation {
    condition     = try(var.remediation.external_id, null) == null ? true : length(var.remediation.external_id) <= 1224 && can(regex("^[A-Za-z0-9_+=,.@:/-]{2,}$", var.remediation.external_id))
    error_message = "remediation.external_id has 2 to 1224 letters, digits and characters of _+=,.@:/-."
  }

  validation {
    # 0 would stop the remediator: that is tampering, not configuration.
    condition     = var.remediation == null ? true : var.remediation.reserved_concurrency == -1 || (var.remediation.reserved_concurrency >= 1 && floor(var.remediation.reserved_concurrency) == var.remediation.reserved_concurrency)
    error_message = "remediation.reserved_concurrency is -1 or a whole number from 1."
  }
}
