terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {}

# Calls of IAM, and of other global services, are seen here.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
}

data "aws_region" "home" {}

variable "package_file" {
  description = "Path of the zip file that contains `bootstrap`."
  type        = string
}

variable "architecture" {
  description = "Architecture that `bootstrap` is built for."
  type        = string
  default     = "arm64"
}

variable "log_group_name" {
  description = "Name of the log group that the trail writes to."
  type        = string
}

variable "trail_arn" {
  description = "ARN of the trail."
  type        = string
}

variable "bucket_name" {
  description = "Name of the bucket that the trail writes to."
  type        = string
}

module "trailwarden" {
  source = "../.."

  package_file = var.package_file
  architecture = var.architecture

  existing_trail = {
    log_group_name = var.log_group_name
    arn            = var.trail_arn
    bucket_name    = var.bucket_name
  }
}

# The root module watches its own Region, so there is nothing to add when that is us-east-1.
module "tampering_us_east_1" {
  source = "../../modules/tamper-events"
  count  = data.aws_region.home.id == "us-east-1" ? 0 : 1

  providers = { aws = aws.us_east_1 }

  tampering = module.trailwarden.tampering
}

output "trailwarden" {
  description = "Outputs of the module."
  value       = module.trailwarden
}
