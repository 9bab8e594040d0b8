terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "package_file" {
  description = "Path of the zip file that contains `bootstrap`."
  type        = string
}

variable "architecture" {
  description = "Architecture that `bootstrap` is built for."
  type        = string
  default     = "arm64"
}

variable "member_accounts" {
  description = "Accounts of the organization that the rule evaluates, besides this one."
  type        = list(string)
}

variable "trusted_accounts" {
  description = "Accounts that resources may be shared with."
  type        = list(string)
}

locals {
  parameters = {
    trustedAccounts = join(",", var.trusted_accounts)
    exemptTags      = "INTERNAL_NETWORK"
  }
}

module "trailwarden" {
  source = "../.."

  package_file = var.package_file
  architecture = var.architecture

  # The role that answers the rule in member accounts.
  live_state = { member_role_name = "trailwarden-reader" }
}

# The rule of this account, and the permission for those of the member accounts. This account has a recorder. Without one,
# add `recorder = { bucket_name = … }`.
module "config" {
  source = "../../modules/config"

  function        = module.trailwarden.function
  member_accounts = var.member_accounts
  rule            = { parameters = local.parameters, schedule = "TwentyFour_Hours" }
}

# The same rule in every member account. It needs the management account or a delegated administrator of AWS Config. In each
# account, modules/member-role makes the role trailwarden-reader, with `answer_config = true`.
resource "aws_config_organization_custom_rule" "this" {
  name                 = "trailwarden-organization"
  description          = "Resources that are open to the internet or to other accounts"
  lambda_function_arn  = module.config.invocation
  trigger_types        = ["ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification"]
  resource_types_scope = module.config.resource_types
  input_parameters     = jsonencode(local.parameters)
}

output "rule_arn" {
  description = "ARN of the rule of this account."
  value       = module.config.rule_arn
}
