//! The members that CloudTrail documents for the parts of a record, so that a misspelt path can be told.
//!
//! From the CloudTrail user guide, "CloudTrail record contents" and "CloudTrail userIdentity element", and from public
//! records. Parts that differ by service, such as `requestParameters`, are open.

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Anything.
    Open,
    /// A string, number or boolean, or a list of these.
    Scalar,
    /// One of these strings, or a list of them.
    OneOf(&'static [&'static str]),
    /// An object with these members and no others, or a list of such objects.
    Members(&'static [(&'static str, Shape)]),
}

use Shape::{Members, Open, Scalar};

const SESSION_ISSUER: Shape =
    Members(&[("type", Scalar), ("principalId", Scalar), ("arn", Scalar), ("accountId", Scalar), ("userName", Scalar)]);

const SESSION_CONTEXT: Shape = Members(&[
    ("assumedRoot", Scalar),
    ("attributes", Members(&[("creationDate", Scalar), ("mfaAuthenticated", Scalar)])),
    ("credentialSource", Scalar),
    ("ec2RoleDelivery", Scalar),
    ("sessionIssuer", SESSION_ISSUER),
    ("sourceIdentity", Scalar),
    ("webIdFederationData", Members(&[("attributes", Open), ("federatedProvider", Scalar)])),
]);

const USER_IDENTITY: Shape = Members(&[
    ("accessKeyId", Scalar),
    ("accountId", Scalar),
    ("arn", Scalar),
    ("credentialId", Scalar),
    ("identityProvider", Scalar),
    (
        "inScopeOf",
        Members(&[
            ("credentialsIssuedTo", Scalar),
            ("issuerType", Scalar),
            ("sourceAccount", Scalar),
            ("sourceArn", Scalar),
        ]),
    ),
    ("invokedBy", Scalar),
    ("invokedByDelegate", Members(&[("accountId", Scalar)])),
    ("onBehalfOf", Members(&[("identityStoreArn", Scalar), ("userId", Scalar)])),
    ("principalId", Scalar),
    ("sessionContext", SESSION_CONTEXT),
    ("type", Scalar),
    ("userName", Scalar),
]);

/// The members of a record.
pub const RECORD: &[(&str, Shape)] = &[
    ("additionalEventData", Open),
    (
        "addendum",
        Members(&[
            ("originalEventID", Scalar),
            ("originalRequestID", Scalar),
            ("reason", Scalar),
            ("updatedFields", Scalar),
        ]),
    ),
    ("apiVersion", Scalar),
    ("awsRegion", Scalar),
    ("edgeDeviceDetails", Members(&[("resource", Open), ("serialNumber", Scalar), ("type", Scalar)])),
    ("errorCode", Scalar),
    ("errorMessage", Scalar),
    ("eventCategory", Scalar),
    ("eventContext", Open),
    ("eventID", Scalar),
    ("eventName", Scalar),
    ("eventSource", Scalar),
    ("eventTime", Scalar),
    ("eventType", Scalar),
    ("eventVersion", Scalar),
    (
        "insightDetails",
        Members(&[
            ("errorCode", Scalar),
            ("eventName", Scalar),
            ("eventSource", Scalar),
            ("insightContext", Open),
            ("insightType", Scalar),
            ("sourceEventCategory", Scalar),
            ("state", Scalar),
        ]),
    ),
    ("managementEvent", Scalar),
    ("readOnly", Scalar),
    ("recipientAccountId", Scalar),
    ("requestID", Scalar),
    ("requestParameters", Open),
    ("resources", Members(&[("ARN", Scalar), ("ARNPrefix", Scalar), ("accountId", Scalar), ("type", Scalar)])),
    ("responseElements", Open),
    ("serviceEventDetails", Open),
    ("sessionCredentialFromConsole", Scalar),
    ("sharedEventID", Scalar),
    ("sourceIPAddress", Scalar),
    (
        "tlsDetails",
        Members(&[
            ("cipherSuite", Scalar),
            ("clientProvidedHostHeader", Scalar),
            ("keyExchange", Scalar),
            ("tlsVersion", Scalar),
        ]),
    ),
    ("userAgent", Scalar),
    ("userIdentity", USER_IDENTITY),
    ("vpcEndpointAccountId", Scalar),
    ("vpcEndpointId", Scalar),
];

/// Whether CloudTrail records have a member of this name.
pub fn is_member(name: &str) -> bool {
    RECORD.iter().any(|(member, _)| *member == name)
}

/// The end of a path that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown<'p> {
    /// The part of the path that exists.
    pub parent: String,
    /// The name that is no member of it.
    pub member: &'p str,
    /// The members that it has; none if it is a scalar.
    pub members: Vec<&'static str>,
}

/// The shape of the value at the end of a path through `members`. Steps may carry positions or quantifiers in brackets.
///
/// # Errors
/// The first step that is not documented.
pub fn resolve<'p>(members: &'static [(&'static str, Shape)], path: &'p str) -> Result<Shape, Unknown<'p>> {
    let mut shape = Members(members);
    let mut parent = String::new();
    for step in path.split('.') {
        let name = step.split('[').next().unwrap_or(step);
        if name.is_empty() {
            continue;
        }
        let members = match shape {
            Open => return Ok(Open),
            Scalar | Shape::OneOf(_) => &[],
            Members(members) => members,
        };
        match members.iter().find(|(member, _)| *member == name) {
            Some((_, below)) => shape = *below,
            None => {
                let members = members.iter().map(|(member, _)| *member).collect();
                return Err(Unknown { parent, member: name, members });
            }
        }
        if !parent.is_empty() {
            parent.push('.');
        }
        parent.push_str(name);
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_followed_as_far_as_it_is_documented() {
        for path in [
            "eventName",
            "userIdentity.sessionContext.sessionIssuer.arn",
            "userIdentity.sessionContext.webIdFederationData.attributes.sub",
            "requestParameters.anything.at[0].all",
            "resources[any].ARN",
        ] {
            assert!(resolve(RECORD, path).is_ok(), "{path}");
        }
        for (path, parent, member) in [
            ("eventname", "", "eventname"),
            ("eventName.text", "eventName", "text"),
            ("userIdentity.usrName", "userIdentity", "usrName"),
            ("userIdentity.sessionContext.attributes.mfa", "userIdentity.sessionContext.attributes", "mfa"),
            ("tlsDetails.version", "tlsDetails", "version"),
        ] {
            let unknown = resolve(RECORD, path).unwrap_err();
            assert_eq!((unknown.parent.as_str(), unknown.member), (parent, member));
        }
    }
}
