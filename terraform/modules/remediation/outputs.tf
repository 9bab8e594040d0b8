output "role_arn" {
  description = "ARN of the function's role, which `modules/remediation-member-role` trusts."
  value       = aws_iam_role.function.arn
}

output "function_url" {
  description = "URL for answers of approvers: `trailwarden actions approve --url`."
  value       = aws_lambda_function_url.answers.function_url
}

output "approver_policy_arn" {
  description = "ARN of the IAM policy that approvers need."
  value       = aws_iam_policy.approver.arn
}

output "table_name" {
  description = "Name of the table of records: `trailwarden actions list --table`."
  value       = aws_dynamodb_table.this.name
}

output "kill_switch" {
  description = "Name of the SSM parameter that is the kill switch."
  value       = aws_ssm_parameter.switch.name
}

output "failed_queue_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.failed.url
}

output "event_source_mapping_id" {
  description = "Id of the mapping from the queue to the function."
  value       = aws_lambda_event_source_mapping.findings.uuid
}

output "own" {
  description = "Names of the resources, by placeholder of rules."
  value = {
    own_functions      = [local.function_name]
    own_log_groups     = [local.log_group_name]
    own_queues         = [local.queue_name, local.failed_name]
    own_roles          = [local.function_name, local.approval_name]
    own_state_machines = [local.approval_name]
    own_tables         = [local.table_name]
    own_parameters     = [local.switch_name]
  }
}

output "alarms" {
  description = "Alarms of the remediator, in the form of those of the root module."
  value       = local.alarms
}

output "graphs" {
  description = "Graphs of the remediator, in the form of those of the root module's dashboard."
  value       = local.graphs
}
