terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

# The home Region: function, topics, bus, stream and queues.
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

variable "organization_id" {
  description = "Id of the organization."
  type        = string
}

variable "log_bucket_name" {
  description = "Name of a bucket in this account and Region that some trail writes to."
  type        = string
}

variable "watched_buckets" {
  description = "Names of buckets to which uploads are reported."
  type        = list(string)
}

module "trailwarden" {
  source = "../.."

  package_file = var.package_file
  architecture = var.architecture

  # This account has a trail of its own, which also records uploads to these buckets.
  data_events = { buckets = var.watched_buckets }

}

# Events of EventBridge of all accounts and Regions: examples/member-account forwards them.
module "event_bus" {
  source = "../../modules/event-bus"

  function        = module.trailwarden.function
  organization_id = var.organization_id
}

# Records of log groups in other accounts: examples/member-account writes them.
module "stream" {
  source = "../../modules/kinesis-input"

  function = module.trailwarden.function
}

module "destination" {
  source = "../../modules/log-destination"

  stream          = module.stream.stream
  organization_id = var.organization_id
}

# Log files in a bucket that some trail writes to.
module "notifications" {
  source = "../../modules/s3-notifications"

  bucket_name = var.log_bucket_name
}

module "log_files" {
  source = "../../modules/s3-objects"

  function    = module.trailwarden.function
  topic_arn   = module.notifications.topic_arn
  bucket_name = var.log_bucket_name
}

output "trailwarden" {
  description = "Outputs of the module."
  value       = module.trailwarden
}

output "event_bus_arn" {
  description = "ARN of the bus, for examples/member-account."
  value       = module.event_bus.event_bus_arn
}

output "destination_arn" {
  description = "ARN of the log destination, for examples/member-account."
  value       = module.destination.destination_arn
}

output "stream_arn" {
  description = "ARN of the stream."
  value       = module.stream.stream.arn
}

output "failed_queue_url" {
  description = "URL of the queue of log files that could not be evaluated."
  value       = module.log_files.failed_queue_url
}
