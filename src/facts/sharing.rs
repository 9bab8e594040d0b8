//! Accounts and organizations that get access by a call.

use std::borrow::Cow;
use std::collections::HashSet;

use super::calls::{EC2, RAM};
use super::{Calls, Derivation, Fact, Parameters, calls, object, texts, wire};
use crate::arn::{Arn, is_account_id};
use crate::event::{Event, Value, scalar_text};

/// The other accounts and organizations in a call that shares or connects a resource.
pub(super) const EXTERNAL: Fact = Fact {
    name: "sharing.external",
    calls: Calls::These(&[
        (calls::EC2, "ModifyImageAttribute"),
        (calls::EC2, "ModifySnapshotAttribute"),
        (calls::EC2, "ModifyFpgaImageAttribute"),
        (calls::EC2, "ModifyVpcEndpointServicePermissions"),
        (calls::EC2, "CreateNetworkInterfacePermission"),
        (calls::EC2, "EnableAddressTransfer"),
        (calls::EC2, "ModifyEbsDefaultKmsKeyId"),
        (calls::EC2, "CreateTransitGatewayPeeringAttachment"),
        (calls::EC2, "AcceptTransitGatewayPeeringAttachment"),
        (calls::EC2, "AcceptTransitGatewayVpcAttachment"),
        (calls::EC2, "AcceptTransitGatewayClientVpnAttachment"),
        (calls::RAM, "CreateResourceShare"),
        (calls::RAM, "AssociateResourceShare"),
    ]),
    doc: "Accounts and organizations, other than the account of the record, with which a call shares or connects a \
          resource, or to which it transfers one. `accounts` are account ids, `organizations` ids or ARNs of organizations \
          and organizational units, `principals` all of them as written. `undo` are the arguments that remove them, at \
          most 20, in the command that undoes the call. The groups `all` and `*`, AWS services and removed principals do \
          not count. For AWS RAM, principals that belong to the account's own organization according to the record do not \
          count.",
    derivation: Derivation::FromRecord(external),
};

/// The path of an account or organization in the record, and the argument that removes it.
type PrincipalPath = (&'static str, &'static str);

/// A call that grants access.
#[derive(Clone, Copy)]
struct Grant {
    call: (&'static str, &'static str),
    request: &'static [PrincipalPath],
    /// Members of the request that count unless `operationType` is remove. EC2 also writes them as lists.
    by_operation: &'static [PrincipalPath],
    response: &'static [&'static str],
    /// Whether only ARNs count, because the value may also be the id of a resource of the same account.
    arns_only: bool,
}

const NONE: Grant = Grant { call: ("", ""), request: &[], by_operation: &[], response: &[], arns_only: false };

const GRANTS: &[Grant] = &[
    Grant {
        call: (EC2, "ModifyImageAttribute"),
        request: &[
            ("launchPermission.add.userId", "--user-ids"),
            ("launchPermission.add.organizationArn", "--organization-arns"),
            ("launchPermission.add.organizationalUnitArn", "--organizational-unit-arns"),
        ],
        by_operation: &[
            ("userId", "--user-ids"),
            ("organizationArn", "--organization-arns"),
            ("organizationalUnitArn", "--organizational-unit-arns"),
        ],
        ..NONE
    },
    Grant {
        call: (EC2, "ModifySnapshotAttribute"),
        request: &[("createVolumePermission.add.userId", "--user-ids")],
        by_operation: &[("userId", "--user-ids")],
        ..NONE
    },
    Grant {
        call: (EC2, "ModifyFpgaImageAttribute"),
        request: &[("loadPermission.add.userId", "--user-ids")],
        by_operation: &[("userId", "--user-ids")],
        ..NONE
    },
    Grant {
        call: (EC2, "ModifyVpcEndpointServicePermissions"),
        request: &[("addAllowedPrincipals", "--remove-allowed-principals")],
        ..NONE
    },
    Grant { call: (EC2, "CreateNetworkInterfacePermission"), request: &[("awsAccountId", "")], ..NONE },
    Grant { call: (EC2, "EnableAddressTransfer"), request: &[("transferAccountId", "")], ..NONE },
    Grant {
        call: (EC2, "ModifyEbsDefaultKmsKeyId"),
        request: &[("kmsKeyId", "")],
        response: &["kmsKeyId"],
        arns_only: true,
        ..NONE
    },
    Grant {
        call: (EC2, "CreateTransitGatewayPeeringAttachment"),
        request: &[("peerAccountId", "")],
        response: &PEERED,
        ..NONE
    },
    Grant { call: (EC2, "AcceptTransitGatewayPeeringAttachment"), response: &PEERED, ..NONE },
    Grant {
        call: (EC2, "AcceptTransitGatewayVpcAttachment"),
        response: &["transitGatewayVpcAttachment.vpcOwnerId"],
        ..NONE
    },
    Grant {
        call: (EC2, "AcceptTransitGatewayClientVpnAttachment"),
        response: &["transitGatewayClientVpnAttachment.clientVpnOwnerId"],
        ..NONE
    },
    Grant { call: (RAM, "CreateResourceShare"), request: &[("principals", "--principals")], ..NONE },
    Grant { call: (RAM, "AssociateResourceShare"), request: &[("principals", "--principals")], ..NONE },
];

const PEERED: [&str; 2] = [
    "transitGatewayPeeringAttachment.requesterTgwInfo.ownerId",
    "transitGatewayPeeringAttachment.accepterTgwInfo.ownerId",
];

fn external<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let grant = GRANTS.iter().find(|grant| Some(grant.call) == event.source().zip(event.name()))?;
    let mut external = External::default();
    let request = wire::request(event);
    if let Some(request) = request.as_ref().filter(|request| may_leave_organization(request)) {
        for (path, argument) in grant.request {
            external.add(request.select(path), argument);
        }
        let removes =
            request.text_of("operationType").is_some_and(|operation| operation.eq_ignore_ascii_case("remove"));
        for (name, argument) in grant.by_operation.iter().filter(|_| !removes) {
            for list in [(*name).to_owned(), format!("{name}s"), format!("{name}Set")] {
                external.add(request.select(&list), argument);
                external.add(request.select(&format!("{list}.{name}")), argument);
            }
        }
    }
    let response = wire::response(event);
    if let Some(response) = &response {
        grant.response.iter().for_each(|path| external.add(response.select(path), ""));
    }
    let inside = response.map(|response| members_of_own_organization(&response)).unwrap_or_default();
    let own = event.account();
    external.principals.retain(|(principal, _)| {
        let account = account_in(principal);
        let is_account = !grant.arns_only || (account.is_some() && Arn::parse(principal).is_some());
        is_account && account != own && !is_everyone_or_service(principal) && !inside.contains(principal)
    });
    external.value()
}

/// Maximum number of principals in a command.
const MAX_ARGUMENTS: usize = 20;

#[derive(Default)]
struct External<'e> {
    /// Principals with the arguments that remove them, each once.
    principals: Vec<(Cow<'e, str>, &'static str)>,
    seen: HashSet<Cow<'e, str>>,
}

impl<'e> External<'e> {
    fn add(&mut self, values: Vec<&'e Value<'e>>, argument: &'static str) {
        for value in values {
            let Some(text) = scalar_text(value).filter(|text| !text.is_empty()) else { continue };
            // EC2 writes some ids as numbers, without leading zeros.
            let is_number = matches!(value, Value::Number(_)) && text.len() < 12;
            let text = if is_number { Cow::Owned(format!("{text:0>12}")) } else { text };
            if self.seen.insert(text.clone()) {
                self.principals.push((text, argument));
            }
        }
    }

    fn value(self) -> Option<Value<'e>> {
        if self.principals.is_empty() {
            return None;
        }
        let mut seen = HashSet::new();
        let (mut accounts, mut organizations): (Vec<Cow<'e, str>>, Vec<Cow<'e, str>>) = Default::default();
        let (mut undo, mut last): (Vec<Cow<'e, str>>, &str) = Default::default();
        for (principal, _) in &self.principals {
            if is_organization(principal) {
                organizations.push(principal.clone());
            } else {
                let account = account_in(principal).map_or_else(|| principal.clone(), |id| Cow::Owned(id.to_owned()));
                if seen.insert(account.clone()) {
                    accounts.push(account);
                }
            }
        }
        for (principal, argument) in self.principals.iter().take(MAX_ARGUMENTS) {
            if *argument != last {
                undo.push(Cow::Borrowed(argument));
                last = argument;
            }
            undo.push(principal.clone());
        }
        Some(object([
            ("accounts", texts(accounts)),
            ("organizations", texts(organizations)),
            ("principals", texts(self.principals.into_iter().map(|(principal, _)| principal))),
            ("undo", texts(undo)),
        ]))
    }
}

/// Whether a resource share accepts principals outside the organization. Otherwise AWS RAM rejects them.
fn may_leave_organization(request: &Parameters<'_>) -> bool {
    request.flag_of("allowExternalPrincipals") != Some(false)
}

/// Principals that belong to the account's own organization according to AWS RAM.
fn members_of_own_organization<'e>(response: &Parameters<'e>) -> HashSet<Cow<'e, str>> {
    let associations = response.list("resourceShareAssociations").into_iter();
    let inside = associations.filter(|association| association.flag_of("external") == Some(false));
    inside.filter_map(|association| association.text_of("associatedEntity")).collect()
}

fn is_everyone_or_service(principal: &str) -> bool {
    matches!(principal, "*" | "all")
        || principal.ends_with(".amazonaws.com")
        || principal.ends_with(".amazonaws.com.cn")
}

/// Whether `principal` is an organization or organizational unit, by id or ARN.
fn is_organization(principal: &str) -> bool {
    match Arn::parse(principal) {
        Some(arn) => arn.service == "organizations" && !arn.resource.starts_with("account/"),
        None => principal.starts_with("o-") || principal.starts_with("ou-"),
    }
}

/// The account of a principal.
fn account_in(principal: &str) -> Option<&str> {
    let account = match Arn::parse(principal) {
        Some(Arn { service: "organizations", resource, .. }) => {
            resource.strip_prefix("account/")?.rsplit('/').next()?
        }
        Some(arn) => arn.account,
        None => principal,
    };
    is_account_id(account).then_some(account)
}
