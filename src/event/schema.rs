//! The schema of CloudTrail records, by which misspelt paths in rules are detected.
//!
//! Sources: CloudTrail user guide, "CloudTrail record contents" and "CloudTrail userIdentity element", and public records.
//! Members that differ by service, such as `requestParameters`, may contain anything.

/// The schema of a value.
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
    // Not CloudTrail's: in records that are derived from a configuration item.
    (
        "configurationItem",
        Members(&[("resourceId", Scalar), ("resourceName", Scalar), ("resourceType", Scalar), ("tags", Open)]),
    ),
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

/// Whether CloudTrail documents a top-level member of this name.
pub fn is_member(name: &str) -> bool {
    RECORD.iter().any(|(member, _)| *member == name)
}

/// A step of a path that is not in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMember<'p> {
    /// The part of the path that exists.
    pub parent: String,
    /// The name that is not a member of `parent`.
    pub member: &'p str,
    /// The members of `parent`; none if it is a scalar.
    pub members: Vec<&'static str>,
}

/// The shape of the value at a path through `members`. Positions and quantifiers in brackets are ignored.
///
/// # Errors
/// The first step that is not in the schema.
pub fn resolve<'p>(members: &'static [(&'static str, Shape)], path: &'p str) -> Result<Shape, UnknownMember<'p>> {
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
            Some((_, member)) => shape = *member,
            None => {
                let members = members.iter().map(|(member, _)| *member).collect();
                return Err(UnknownMember { parent, member: name, members });
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
    fn a_path_is_resolved_as_far_as_it_is_documented() {
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
