//! Policies of AWS Verified Access.

use super::{Calls, Derivation, Fact, calls, object, wire};
use crate::event::{Event, Value};

/// The policy that a call gives a Verified Access group or endpoint.
pub(super) const POLICY: Fact = Fact {
    name: "exposure.verified_access",
    calls: Calls::These(&[
        (calls::EC2, "CreateVerifiedAccessGroup"),
        (calls::EC2, "CreateVerifiedAccessEndpoint"),
        (calls::EC2, "ModifyVerifiedAccessGroupPolicy"),
        (calls::EC2, "ModifyVerifiedAccessEndpointPolicy"),
    ]),
    doc: "The policy of a Verified Access group or endpoint after a call that creates it or modifies its policy. `policy` is \
          off (`PolicyEnabled` is false), open (a `permit` for every principal, action and resource without a condition, \
          and no `forbid`) or restricted. Absent if the call contains no policy.",
    derivation: Derivation::FromRecord(policy),
};

fn policy<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let request = wire::request(event)?;
    let state = match request.text_of("policyDocument") {
        _ if request.flag_of("policyEnabled") == Some(false) => "off",
        Some(document) if is_open(&document) => "open",
        Some(_) => "restricted",
        None => return None,
    };
    Some(object([("policy", Value::from(state))]))
}

/// Whether a Cedar policy set permits everything. Constant conditions are evaluated.
fn is_open(document: &str) -> bool {
    let plain = without_comments(document);
    let permits = plain.split_inclusive(';').any(|statement| {
        let Some((_, rest)) = statement.split_once("permit(principal,action,resource)") else { return false };
        matches!(rest, ";" | "when{true};" | "unless{false};")
    });
    permits && !plain.contains("forbid(")
}

/// The text without comments, white space and the content of strings.
fn without_comments(document: &str) -> String {
    let mut plain = String::with_capacity(document.len());
    let mut rest = document.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '/' if rest.peek() == Some(&'/') => {
                rest.by_ref().take_while(|next| *next != '\n').for_each(drop);
            }
            '"' => {
                plain.push_str("\"\"");
                while let Some(next) = rest.next() {
                    match next {
                        '\\' => drop(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            blank if blank.is_whitespace() => {}
            other => plain.push(other),
        }
    }
    plain
}
