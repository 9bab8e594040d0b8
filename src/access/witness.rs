//! An example of an outsider with access.

use super::solve::Solution;
use crate::policy::{Caller, Request};

/// An outsider that the policy lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// A description: `any AWS account, e.g. 999999999999, that sends the external id x1y2z3`.
    pub summary: String,
    /// A request that the policy allows.
    pub request: Request,
}

impl Witness {
    pub(super) fn new(who: &str, request: Request, solution: &Solution<'_>) -> Self {
        let example = match &request.caller {
            Caller::Aws { arn, account } => {
                let arn = request.context.variable("aws:PrincipalArn").unwrap_or_else(|| arn.clone());
                if arn.ends_with(":role/evil") || arn.ends_with(":user/evil") { account.clone() } else { arn }
            }
            Caller::Service(name) => name.clone(),
            Caller::Federated(name) => subject(&request).unwrap_or_else(|| name.clone()),
        };
        let mut summary = format!("{who}, e.g. {example}");
        for key in &solution.chosen_keys {
            let values = request.context.get(key).map(|values| values.join(", ")).unwrap_or_default();
            summary.push_str(&match key.as_str() {
                "sts:externalid" => format!(", that sends the external id {values}"),
                "aws:sourceip" => format!(", that comes from an address such as {values}"),
                "aws:multifactorauthpresent" => ", that has signed in with MFA".to_owned(),
                "sts:rolesessionname" => format!(", that names the session {values}"),
                "aws:currenttime" | "aws:epochtime" | "aws:tokenissuetime" => format!(", from {values} on"),
                key => match key.split_once('/') {
                    Some((tag, name)) => format!(", with the {} {name} = {values}", tag.trim_start_matches("aws:")),
                    None => format!(", with {key} = {values}"),
                },
            });
        }
        Self { summary, request }
    }
}

/// The claim of a token that identifies its holder, if the request has one.
fn subject(request: &Request) -> Option<String> {
    let claims = || request.context.iter().filter(|(key, _)| !key.starts_with("aws:") && !key.starts_with("sts:"));
    let named = |name: &str| claims().find(|(key, _)| key.ends_with(name)).map(|(_, values)| values.join(", "));
    named(":sub").or_else(|| named(":aud")).or_else(|| named(":app_id"))
}
