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

variable "slack_channel" {
  description = "Id of the Slack channel to which the bot posts, such as C0123456789."
  type        = string
}

variable "amazon_q_channel" {
  description = "Slack workspace and channel of Amazon Q Developer in chat applications. The workspace must have been authorized in the AWS Management Console."
  type        = object({ team_id = string, channel_id = string })
  default     = null
}

module "trailwarden" {
  source = "../.."

  package_file = var.package_file
  architecture = var.architecture

  # Everybody who should know, by email.
  alerts_subscriptions = {
    security = { protocol = "email", endpoint = var.email }
  }

  webhooks = [
    # A channel in which each problem is a thread.
    { name = "slack", kind = "slack", secret = "ssm:/trailwarden-webhooks/slack-bot", channel = var.slack_channel },
    # A channel of Teams for changes to what records and watches.
    { name = "teams", kind = "teams", secret = "ssm:/trailwarden-webhooks/teams", rules = ["tamper"] },
    # Whoever is on call, for what cannot wait.
    { name = "pagerduty", kind = "pagerduty", secret = "secretsmanager:trailwarden-pagerduty", min_severity = "High" },
  ]

  event_bus_arn = aws_cloudwatch_event_bus.findings.arn
}

# Rules of this bus bring findings to other targets.
resource "aws_cloudwatch_event_bus" "findings" {
  name = "security-findings"
}

# Amazon Q Developer in chat applications reads the alerts topic itself.
resource "aws_chatbot_slack_channel_configuration" "alerts" {
  count = var.amazon_q_channel == null ? 0 : 1

  configuration_name = "trailwarden-alerts"
  slack_team_id      = var.amazon_q_channel.team_id
  slack_channel_id   = var.amazon_q_channel.channel_id
  iam_role_arn       = aws_iam_role.amazon_q[0].arn
  sns_topic_arns     = [module.trailwarden.alerts_topic_arn]
  # Without this, people could run any read-only command from the channel.
  guardrail_policy_arns = ["arn:aws:iam::aws:policy/AWSDenyAll"]
}

# The role of commands that people run from the channel: none.
resource "aws_iam_role" "amazon_q" {
  count = var.amazon_q_channel == null ? 0 : 1

  name = "trailwarden-amazon-q"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "chatbot.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

output "trailwarden" {
  description = "Outputs of the module."
  value       = module.trailwarden
}
