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

variable "package_file" {
  description = "The zip file with `bootstrap`."
  type        = string
}

variable "architecture" {
  description = "What it is built for."
  type        = string
  default     = "arm64"
}

variable "log_group_name" {
  description = "The log group that the trail writes to."
  type        = string
}

variable "trail_arn" {
  description = "The trail."
  type        = string
}

variable "bucket_name" {
  description = "The bucket that the trail writes to."
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

output "trailwarden" {
  description = "What the module made."
  value       = module.trailwarden
}
