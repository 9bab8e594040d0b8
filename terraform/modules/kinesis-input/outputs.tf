output "stream" {
  description = "Input of `modules/kinesis-forward` and `modules/log-destination`."
  value = {
    arn         = local.stream_arn
    kms_key_arn = var.function.kms_key_arn
  }

  # CloudWatch Logs writes a test record when a filter or destination is created.
  depends_on = [aws_kinesis_stream.this]
}
