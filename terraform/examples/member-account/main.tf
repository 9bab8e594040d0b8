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

# Calls of IAM, and of other global services, are seen here.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
}

variable "event_bus_arn" {
  description = "The output `event_bus_arn` of examples/every-input."
  type        = string
}

variable "destination_arn" {
  description = "The output `destination_arn` of examples/every-input."
  type        = string
}

variable "log_group_name" {
  description = "Log group in eu-west-1 that a trail of this account writes to."
  type        = string
}

# One for each Region in which this account may act.
module "forward" {
  source = "../../modules/event-forward"

  event_bus_arn = var.event_bus_arn
}

module "forward_us_east_1" {
  source = "../../modules/event-forward"

  providers = { aws = aws.us_east_1 }

  event_bus_arn = var.event_bus_arn
}

# The other way: the log group of a trail. Use one of the two for the same events, because findings arrive twice otherwise.
module "logs" {
  source = "../../modules/kinesis-forward"

  destination_arn = var.destination_arn
  log_group_name  = var.log_group_name
}
