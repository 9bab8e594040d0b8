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
  description = "Path of the zip file that contains `bootstrap`."
  type        = string
}

variable "architecture" {
  description = "Architecture that `bootstrap` is built for."
  type        = string
  default     = "arm64"
}

variable "email" {
  description = "Email address that receives alerts."
  type        = string
}

module "trailwarden" {
  source = "../.."

  package_file = var.package_file
  architecture = var.architecture

  alerts_subscriptions = {
    security = { protocol = "email", endpoint = var.email }
  }

  findings_subscriptions = {
    archive = { protocol = "sqs", endpoint = aws_sqs_queue.findings.arn }
  }

  tags = { application = "trailwarden" }
}

# The root module watches its own Region, so there is nothing to add when that is us-east-1.
module "tampering_us_east_1" {
  source = "../../modules/tamper-events"
  count  = data.aws_region.home.id == "us-east-1" ? 0 : 1

  providers = { aws = aws.us_east_1 }

  tampering = module.trailwarden.tampering
}

# Where a SIEM, or `aws sqs receive-message`, reads findings.
resource "aws_sqs_queue" "findings" {
  name                      = "trailwarden-example-findings"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "findings" {
  queue_url = aws_sqs_queue.findings.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.findings.arn
      Condition = { ArnEquals = { "aws:SourceArn" = module.trailwarden.findings_topic_arn } }
    }]
  })
}

output "findings_queue_url" {
  description = "URL of the queue that receives findings."
  value       = aws_sqs_queue.findings.url
}

output "trailwarden" {
  description = "Outputs of the module."
  value       = module.trailwarden
}
