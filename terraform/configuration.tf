# What the function's rules are told, in the words of the configuration file.
locals {
  # Of this deployment, so that the rules named `own-…` know it, and the buckets whose data events are recorded.
  own_placeholders = { for placeholder, values in merge(local.own_names, { for placeholder, names in coalesce(local.remediation_own, {}) :
    placeholder => concat(lookup(local.own_names, placeholder, []), names)
  }) : placeholder => values if length(values) > 0 }

  own_names = {
    own_trails         = compact([local.trail_name])
    own_log_groups     = [local.log_group_name, local.function_log_group]
    own_functions      = [local.function_name]
    own_topics         = [local.findings_topic_name, aws_sns_topic.alerts.name, aws_sns_topic.alarms.name]
    own_keys           = distinct(concat([aws_kms_key.this.key_id, aws_kms_alias.this.name], aws_kms_key.alerts[*].key_id, aws_kms_alias.alerts[*].name))
    own_buckets        = compact(concat([local.bucket_name], aws_s3_bucket.on_failure[*].bucket))
    own_roles          = concat([aws_iam_role.function.name, aws_iam_role.tampering_forward.name], aws_iam_role.trail[*].name, aws_iam_role.heartbeat[*].name, aws_iam_role.heartbeat_schedule[*].name)
    own_event_rules    = concat(keys(local.tampering_rules), aws_cloudwatch_event_rule.digests[*].name, aws_cloudwatch_event_rule.rechecks[*].name)
    own_alarms         = [for alarm in local.alarm_names : "${var.name}-${alarm}"]
    own_queues         = local.queue_names
    own_dashboards     = [var.name] # the dashboard shows the function, which needs this
    own_parameters     = local.webhook_parameters
    own_schedules      = aws_scheduler_schedule.heartbeat[*].name
    own_tables         = aws_dynamodb_table.state[*].name
    own_state_machines = aws_sfn_state_machine.heartbeat[*].name
    watched_buckets    = local.data_buckets
  }

  # The user's, with these added to what stands there.
  placeholders = try(var.configuration.placeholders, {})
  configuration = merge(var.configuration, local.has_webhooks ? { webhooks = local.webhooks } : {}, {
    placeholders = {
      for placeholder in setunion(keys(local.own_placeholders), keys(local.placeholders)) :
      placeholder => distinct(concat(lookup(local.own_placeholders, placeholder, []), try(local.placeholders[placeholder], [])))
    }
  })

  # JSON is YAML, and shorter.
  configuration_text = var.configuration_file == null ? jsonencode(local.configuration) : null
}
