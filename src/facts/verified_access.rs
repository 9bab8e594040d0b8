//! Policies of AWS Verified Access.

use super::{Calls, Fact, Origin, calls, object, wire};
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
    doc: "The policy of a Verified Access group or endpoint after it was created, or after its policy was modified. \
          `policy` is off (`PolicyEnabled` is false), open (a `permit` for every principal, action and resource without \
          a condition, and no `forbid`) or restricted. Absent when the call names no policy.",
    origin: Origin::Derived(policy),
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

/// Whether a Cedar policy set permits everything. Conditions that are constant count as what they are.
fn is_open(document: &str) -> bool {
    let plain = without_comments(document);
    let permits = plain.split_inclusive(';').any(|statement| {
        let Some((_, rest)) = statement.split_once("permit(principal,action,resource)") else { return false };
        matches!(rest, ";" | "when{true};" | "unless{false};")
    });
    permits && !plain.contains("forbid(")
}

/// The text without comments, and without blanks and content of strings.
fn without_comments(document: &str) -> String {
    let mut plain = String::with_capacity(document.len());
    let mut rest = document.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
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
