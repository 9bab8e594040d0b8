# Watches one more Region for tampering: what EventBridge sees there goes to the default bus of the home Region, whose
# rule tells the alerts topic and the function. Calls of IAM are seen in us-east-1 alone, those on the bucket and the
# trail in their own Regions.

variable "tampering" {
  description = "The output `tampering` of the root module."
  type = object({
    rule_name     = string
    event_pattern = string
    event_bus_arn = string
    role_arn      = string
    more          = optional(map(string), {}) # event patterns by the name of their rule
  })
}

variable "tags" {
  description = "Tags of the rule."
  type        = map(string)
  default     = {}
}

data "aws_region" "current" {}

resource "aws_cloudwatch_event_rule" "this" {
  name          = var.tampering.rule_name
  description   = "Forwards changes to what Trailwarden lives by"
  event_pattern = var.tampering.event_pattern
  tags          = var.tags

  lifecycle {
    precondition {
      # A rule that sends events to its own bus matches them again for ever.
      condition     = split(":", var.tampering.event_bus_arn)[3] != data.aws_region.current.id
      error_message = "This is the home Region, which the root module watches already."
    }
  }
}

resource "aws_cloudwatch_event_target" "home" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "home"
  arn       = var.tampering.event_bus_arn
  role_arn  = var.tampering.role_arn
}

resource "aws_cloudwatch_event_rule" "more" {
  for_each = var.tampering.more

  name          = each.key
  description   = "Forwards changes to what watches over Trailwarden, or to a trail"
  event_pattern = each.value
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "more" {
  for_each = var.tampering.more

  rule      = aws_cloudwatch_event_rule.more[each.key].name
  target_id = "home"
  arn       = var.tampering.event_bus_arn
  role_arn  = var.tampering.role_arn
}

output "rule_arn" {
  description = "ARN of the EventBridge rule."
  value       = aws_cloudwatch_event_rule.this.arn
}
