terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

# The home Region: trail, log group, function and topics stand here.
provider "aws" {
  region = "eu-west-1"
}

# IAM's calls are seen here.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
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

variable "organization_id" {
  description = "Id of the organization."
  type        = string
}

module "trailwarden" {
  source = "../.."

  package_file = var.package_file
  architecture = var.architecture

  organization  = { id = var.organization_id }
  account_names = true

  # Findings on a resource stay in order, and retries are dropped.
  findings_topic_fifo = true

  live_state = { member_role_name = "trailwarden-read", external_id = var.organization_id }
}

module "tampering_us_east_1" {
  source = "../../modules/tamper-events"

  providers = { aws = aws.us_east_1 }

  tampering = module.trailwarden.tampering
}

# Every member account has this role, by a StackSet or a provider for each. Here it stands for the account itself.
module "member_role" {
  source = "../../modules/member-role"

  function_role_arn = module.trailwarden.function_role_arn
  external_id       = var.organization_id
}

output "trailwarden" {
  description = "Outputs of the module."
  value       = module.trailwarden
}
