terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

# The Region is that of the environment.
provider "aws" {}

# Calls of IAM, and of other global services, are seen here.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
}

data "aws_region" "home" {}

variable "package_file" {
  description = "Path of the zip file of the function that evaluates."
  type        = string
}

variable "remediator_package_file" {
  description = "Path of the zip file of the remediator."
  type        = string
}

variable "architecture" {
  description = "Architecture that both are built for."
  type        = string
  default     = "arm64"
}

variable "email" {
  description = "Email address that receives alerts, plans and requests for approval."
  type        = string
}

variable "policy_file" {
  description = "Path of the policy file."
  type        = string
  default     = "remediation.yml"
}

variable "external_id" {
  description = "External id of the role in other accounts, such as the id of the organization. Without it, the remediator acts in this account only."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the table of records is protected from deletion."
  type        = bool
  default     = true
}

module "trailwarden" {
  source = "../.."

  package_file = var.package_file
  architecture = var.architecture

  alerts_subscriptions = {
    security = { protocol = "email", endpoint = var.email }
  }

  remediation = {
    package_file        = var.remediator_package_file
    policy              = file(var.policy_file)
    deletion_protection = var.deletion_protection

    # Apply modules/remediation-member-role in each of the accounts.
    member_role_name = var.external_id == null ? null : "trailwarden-remediate"
    external_id      = var.external_id

    # What the role allows: the actions for the rules in the policy file.
    actions = ["restart-trail", "revoke-ingress-rules", "unshare-image", "unshare-snapshot"]
  }
}

module "tampering_us_east_1" {
  source = "../../modules/tamper-events"
  count  = data.aws_region.home.id == "us-east-1" ? 0 : 1

  providers = { aws = aws.us_east_1 }

  tampering = module.trailwarden.tampering
}

output "remediator_role_arn" {
  description = "ARN of the role that modules/remediation-member-role trusts."
  value       = module.trailwarden.remediation.role_arn
}

# Roles and permission sets that have this policy can answer requests for approval.
output "approver_policy_arn" {
  description = "ARN of the IAM policy that approvers need."
  value       = module.trailwarden.remediation.approver_policy_arn
}

output "trailwarden" {
  description = "Outputs of the module."
  value       = module.trailwarden
}
