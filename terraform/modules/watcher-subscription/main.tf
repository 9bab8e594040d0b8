# Subscribes the queues of `modules/watcher` to the findings topic. Apply it in the watcher's account, because the owner of a
# queue need not confirm its subscription, and in the Region of the topic, because SNS takes subscriptions there. From another
# account than the topic's, name that account in `watcher_accounts` of the root module first.

variable "findings_topic_arn" {
  description = "The output `findings_topic_arn` of the root module."
  type        = string
}

variable "queue_arns" {
  description = "The output `queue_arns` of `modules/watcher`."
  type = object({
    heartbeat = string
    canary    = string
  })
}

data "aws_region" "current" {}

resource "aws_sns_topic_subscription" "this" {
  # By kind, the attribute `rule` of its messages. No finding leaves the account.
  for_each = { heartbeat = "heartbeat", canary = "heartbeat-canary" }

  topic_arn            = var.findings_topic_arn
  protocol             = "sqs"
  endpoint             = var.queue_arns[each.key]
  raw_message_delivery = true
  filter_policy        = jsonencode({ rule = [each.value] })

  lifecycle {
    precondition {
      condition     = split(":", var.findings_topic_arn)[3] == data.aws_region.current.id
      error_message = "The provider must be for the Region of the findings topic."
    }
  }
}
