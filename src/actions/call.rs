//! A call of an AWS API, as data.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::{shell_word, visible_json};

/// A call of an AWS API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiCall {
    /// Service as IAM names it, such as `ec2`.
    pub service: String,
    /// Operation as the API names it, such as `DeleteRoute`.
    pub operation: String,
    /// Account that is called.
    pub account: String,
    /// Region that is called.
    pub region: String,
    /// Parameters with the names and types of the API.
    pub parameters: Value,
}

impl ApiCall {
    /// The IAM action that allows the call. Every call of the table is named like its IAM action.
    pub fn iam_action(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    /// The call as a command of the AWS command line, quoted for POSIX shells and safe to show.
    pub fn command(&self) -> String {
        let parameters = visible_json(&self.parameters);
        let input = match self.parameters.as_object() {
            Some(members) if members.is_empty() => String::new(),
            _ => format!(" --cli-input-json {}", shell_word(&parameters)),
        };
        // The one service here whose name in the AWS command line differs from that in IAM.
        let service = if self.service == "config" { "configservice" } else { &self.service };
        format!(
            "aws {} {} --region {}{input}",
            shell_word(service),
            shell_word(&kebab_case(&self.operation)),
            shell_word(&self.region)
        )
    }
}

/// `ModifyVpcEndpointServicePermissions` as `modify-vpc-endpoint-service-permissions`.
fn kebab_case(operation: &str) -> String {
    let mut text = String::with_capacity(operation.len() + 8);
    for character in operation.chars() {
        if character.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_cannot_end_early() {
        let call = ApiCall {
            service: "ec2".to_owned(),
            operation: "DeleteRoute".to_owned(),
            account: "111122223333".to_owned(),
            region: "eu-west-1; id".to_owned(),
            parameters: json!({"RouteTableId": "rtb-1'; rm -rf ~ #\u{1b}[31m"}),
        };
        let expected = r#"aws ec2 delete-route --region 'eu-west-1; id' --cli-input-json '{"RouteTableId":"rtb-1'\''; rm -rf ~ #\u001b[31m"}'"#;
        assert_eq!(call.command(), expected);
    }

    #[test]
    fn a_call_without_parameters_has_no_input() {
        let call = ApiCall {
            service: "ec2".to_owned(),
            operation: "EnableEbsEncryptionByDefault".to_owned(),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            parameters: json!({}),
        };
        assert_eq!(call.command(), "aws ec2 enable-ebs-encryption-by-default --region eu-west-1");
        assert_eq!(call.iam_action(), "ec2:EnableEbsEncryptionByDefault");
        let config =
            ApiCall { service: "config".to_owned(), operation: "StartConfigurationRecorder".to_owned(), ..call };
        assert_eq!(config.command(), "aws configservice start-configuration-recorder --region eu-west-1");
        assert_eq!(config.iam_action(), "config:StartConfigurationRecorder");
    }
}
