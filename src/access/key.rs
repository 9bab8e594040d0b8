//! Models of condition keys: the values that an outsider can have for each key, and the barrier to having them.
//!
//! Sources: IAM user guide, "AWS global condition context keys" and "Available keys for AWS STS" and for web identity
//! federation.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use jiff::Timestamp;

use super::issuer::Issuer;
use super::owner::{PRINCIPALS, ROLE_ACCOUNT, ROLE_ORGANIZATION, ValuePattern};
use crate::network::{Reach, parse_network};
use crate::policy::{Condition, Test, date_seconds};

/// Example accounts of outsiders, one for each first digit, so that a pattern rarely matches all of them.
pub(super) const OUTSIDERS: [&str; 10] = [
    "999999999999",
    "888888888888",
    "777777777777",
    "666666666666",
    "555555555555",
    "444444444444",
    "333333333333",
    "222222222222",
    "111111111111",
    "000000000000",
];

/// Placeholder for the values of the role's own tags, which are unknown.
pub(super) const ROLE_TAG: &str = "the tag of the role";

// Example values of an outsider.
const USER_ID: &str = "AROAEVILEVILEVILEVIL2:evil";
const ORGANIZATION: &str = "o-evilevil99";
const ORGANIZATION_PATH: &str = "o-evilevil99/r-evil/ou-evil-evilevil/";

/// The barrier to meeting conditions, in ascending order. Of several conditions, the highest barrier counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Barrier {
    /// Anybody meets them.
    Free,
    /// Anybody could meet them with a value that they can send or an address that they can use.
    Weak,
    /// The analysis does not know.
    Unknown,
    /// Only a specific party meets them. It is not known whether the party is in the zone of trust.
    Fixed,
    /// Only a specific party outside the zone of trust meets them.
    Foreign,
    /// Only a party in the zone of trust meets them.
    Own,
    /// No request meets them.
    Nobody,
}

impl Barrier {
    /// The severity of access past this barrier. Of several solutions, the one with the highest severity counts.
    pub(super) fn severity(self) -> u8 {
        match self {
            Self::Free => 6,
            Self::Weak => 5,
            Self::Unknown => 4,
            Self::Foreign => 3,
            Self::Fixed => 2,
            Self::Own => 1,
            Self::Nobody => 0,
        }
    }
}

/// The kind of a condition key.
#[derive(Debug, Clone)]
pub(super) enum KeyKind {
    /// Identifies the caller, or the owner of the resource or network that the caller uses. The caller cannot choose it.
    Identity(ValuePattern),
    /// A claim in few tokens of a shared issuer that does not name the tenant.
    Claim(&'static Issuer, String),
    /// The caller chooses the value.
    Chosen,
    /// The address of the caller.
    Network,
    /// A time. Anybody can wait for it.
    Time,
    /// A property that does not distinguish callers.
    Common,
    /// A property of the role, which may be unknown.
    Role,
    /// A fixed list of values.
    Given,
    /// Never present in such a request.
    Missing,
    /// An unknown key.
    Unknown,
}

/// The model of a key for an outsider.
#[derive(Debug, Clone)]
pub(super) struct KeyModel {
    pub(super) kind: KeyKind,
    /// Whether a request may omit the key.
    pub(super) may_be_missing: bool,
    /// Values that an outsider can have, each with whether it takes a specific effort, such as MFA.
    pub(super) own: Vec<(String, bool)>,
}

/// The kind of caller for which a key is modelled.
#[derive(Debug, Clone, Copy)]
pub(super) enum CallerKind {
    /// A caller with credentials of an AWS account.
    Aws,
    /// An AWS service that acts for a resource of any account.
    Service,
    /// A caller with a token of a shared identity provider.
    Tenant(&'static Issuer, TokenHolder),
}

/// The holder of a token. Amazon Cognito has tokens for guests of an identity pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenHolder {
    SignedIn,
    Guest,
}

/// The request for which a key is modelled.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallerView<'v> {
    pub(super) caller_kind: CallerKind,
    /// The name of the provider or of the service.
    pub(super) name: &'v str,
    /// The account of the outsider.
    pub(super) outsider: &'v str,
    /// The account of the role, if known.
    pub(super) account: Option<&'v str>,
    /// The time of the request, if known.
    pub(super) now: Option<Timestamp>,
}

impl KeyModel {
    fn new(kind: KeyKind, may_be_missing: bool, own: &[&str]) -> Self {
        Self { kind, may_be_missing, own: own.iter().map(|value| ((*value).to_owned(), false)).collect() }
    }

    /// The model of the key `name`, which is in lower case.
    pub(super) fn of(name: &str, view: CallerView<'_>) -> Self {
        let key = Self::new;
        if let CallerKind::Tenant(issuer, holder) = view.caller_kind
            && let Some(claim) = claim_of(name, issuer, view.name)
        {
            return Self::of_claim(claim, issuer, holder);
        }
        let is_tenant = matches!(view.caller_kind, CallerKind::Tenant(..));
        // Callers with a token have no AWS identity yet. Services do not belong to an account.
        let identity = |pattern, own: &[&str], may_be_missing| match view.caller_kind {
            CallerKind::Aws => key(KeyKind::Identity(pattern), may_be_missing, own),
            CallerKind::Service | CallerKind::Tenant(..) => key(KeyKind::Missing, true, &[]),
        };
        let outsider = view.outsider;
        let somebody = |ending: &str| format!("arn:aws:iam::{outsider}:{ending}");
        let mut accounts = vec![outsider];
        accounts.extend(OUTSIDERS.iter().filter(|account| **account != outsider));
        let now = view.now.unwrap_or(UNKNOWN_TIME);
        match name {
            "aws:principalaccount" => identity(ValuePattern::Account, &accounts, false),
            "aws:principalarn" => {
                identity(ValuePattern::PrincipalArn, &[&somebody("role/evil"), &somebody("user/evil")], false)
            }
            "aws:userid" => identity(ValuePattern::UserId, &[USER_ID], false),
            "aws:principalorgid" => identity(ValuePattern::Organization, &[ORGANIZATION, "o-evilevil88"], true),
            "aws:principalorgpaths" => identity(ValuePattern::OrganizationPath, &[ORGANIZATION_PATH], true),
            "aws:federatedprovider" => key(KeyKind::Identity(ValuePattern::Provider), true, &["accounts.google.com"]),
            "aws:sourceaccount" | "aws:vpceaccount" => key(KeyKind::Identity(ValuePattern::Account), true, &accounts),
            "aws:sourceorgid" | "aws:vpceorgid" => {
                key(KeyKind::Identity(ValuePattern::Organization), true, &[ORGANIZATION])
            }
            "aws:sourceorgpaths" | "aws:vpceorgpaths" => {
                key(KeyKind::Identity(ValuePattern::OrganizationPath), true, &[ORGANIZATION_PATH])
            }
            "aws:sourcearn" | "ec2:sourceinstancearn" | "lambda:sourcefunctionarn" | "aws:sourcevpcarn" => {
                let function = format!("arn:aws:lambda:us-east-1:{outsider}:function:evil");
                key(KeyKind::Identity(ValuePattern::SourceArn), true, &[&function])
            }
            "aws:sourcevpc" | "aws:ec2instancesourcevpc" => {
                key(KeyKind::Identity(ValuePattern::Resource), true, &["vpc-0e0e0e0e0e0e0e0e0"])
            }
            "aws:sourcevpce" => key(KeyKind::Identity(ValuePattern::Resource), true, &["vpce-0e0e0e0e0e0e0e0e0"]),
            "aws:sourceip" => key(KeyKind::Network, true, &["9.9.9.9", "149.112.112.112", "2620:fe::9"]),
            "aws:vpcsourceip" | "aws:ec2instancesourceprivateipv4" => {
                key(KeyKind::Network, true, &["10.0.0.7", "192.168.0.7", "172.16.0.7"])
            }
            "aws:currenttime" => key(KeyKind::Time, false, &[&now.to_string()]),
            "aws:epochtime" => key(KeyKind::Time, false, &[&now.as_second().to_string()]),
            "aws:tokenissuetime" => key(KeyKind::Time, true, &[&now.to_string()]),
            "aws:securetransport" => key(KeyKind::Given, false, &["true"]),
            "aws:requestedregion" => key(KeyKind::Common, false, &["us-east-1", "eu-west-1", "ap-southeast-2"]),
            "aws:principaltype" => match view.caller_kind {
                CallerKind::Aws => key(KeyKind::Given, false, &["AssumedRole", "User", "Account", "FederatedUser"]),
                CallerKind::Service | CallerKind::Tenant(..) => key(KeyKind::Missing, true, &[]),
            },
            "aws:principalisawsservice" => match view.caller_kind {
                CallerKind::Service => key(KeyKind::Given, false, &["true"]),
                CallerKind::Aws | CallerKind::Tenant(..) => key(KeyKind::Given, false, &["false"]),
            },
            // Only services have a service name.
            "aws:principalservicename" | "aws:principalservicenameslist" => match view.caller_kind {
                CallerKind::Service => key(KeyKind::Given, false, &[view.name]),
                CallerKind::Aws | CallerKind::Tenant(..) => key(KeyKind::Missing, true, &[]),
            },
            "aws:viaawsservice" => key(KeyKind::Given, false, &["false", "true"]),
            "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" => {
                key(KeyKind::Common, true, &["cloudformation.amazonaws.com"])
            }
            "aws:resourceaccount" => match view.account {
                Some(account) => key(KeyKind::Given, false, &[account]),
                None => key(KeyKind::Role, false, &[ROLE_ACCOUNT]),
            },
            "aws:resourceorgid" | "aws:resourceorgpaths" => key(KeyKind::Role, false, &[ROLE_ORGANIZATION]),
            "sts:durationseconds" => key(KeyKind::Common, true, &["3600"]),
            "aws:multifactorauthpresent" => {
                let own = vec![("false".to_owned(), false), ("true".to_owned(), true)];
                Self { own, ..key(KeyKind::Chosen, true, &[]) }
            }
            "aws:multifactorauthage" => Self { own: vec![("600".to_owned(), true)], ..key(KeyKind::Chosen, true, &[]) },
            // Values that no policy requires by chance.
            "sts:externalid" => key(KeyKind::Chosen, true, &["3f1c2a9b-external"]),
            "sts:rolesessionname" => key(KeyKind::Chosen, false, &["evil-3f1c2a9b"]),
            "sts:sourceidentity"
            | "aws:sourceidentity"
            | "aws:username"
            | "aws:useragent"
            | "aws:referer"
            | "sts:transitivetagkeys"
            | "aws:tagkeys"
            | "sts:awsservicename" => key(KeyKind::Chosen, true, &["evil-3f1c2a9b"]),
            _ if ["aws:principaltag/", "aws:requesttag/"].iter().any(|prefix| name.starts_with(prefix)) => {
                key(KeyKind::Chosen, true, &["3f1c2a9b"])
            }
            _ if ["aws:resourcetag/", "iam:resourcetag/"].iter().any(|prefix| name.starts_with(prefix)) => {
                key(KeyKind::Role, true, &[ROLE_TAG])
            }
            // Claims of another provider. The caller's session may have been created with its token.
            _ if name.starts_with("saml:") || name.contains('.') => {
                if is_tenant {
                    key(KeyKind::Missing, true, &[])
                } else {
                    key(KeyKind::Chosen, true, &["evil"])
                }
            }
            _ => key(KeyKind::Unknown, true, &[]),
        }
    }

    fn of_claim(claim: &str, issuer: &'static Issuer, holder: TokenHolder) -> Self {
        let example = issuer.outsider.iter().find(|(name, _)| name.eq_ignore_ascii_case(claim));
        let own: Vec<&str> = example.map_or(vec!["evil"], |(_, values)| values.iter().map(String::as_str).collect());
        let is_guest = holder == TokenHolder::Guest;
        match issuer.claim(claim) {
            // The token of a guest contains the id of the pool.
            Some(_) if is_guest && claim == "aud" => Self::new(KeyKind::Common, true, &own),
            Some(pattern) => Self::new(KeyKind::Identity(ValuePattern::Tenant(issuer, pattern)), true, &own),
            None if is_guest && claim == "amr" => Self::new(KeyKind::Given, false, &["unauthenticated"]),
            None if issuer.has_weak(claim) => Self::new(KeyKind::Claim(issuer, claim.to_owned()), true, &own),
            None => Self::new(KeyKind::Common, true, &own),
        }
    }
}

/// The time of a request whose time is unknown.
const UNKNOWN_TIME: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The claim in a key: `sub` in `gitlab.com:sub` for the issuer `gitlab.com`.
fn claim_of<'n>(name: &'n str, issuer: &Issuer, issuer_name: &str) -> Option<&'n str> {
    let rest = name.strip_prefix(&issuer_name.to_ascii_lowercase());
    let claim = rest.and_then(|rest| rest.trim_start_matches('/').strip_prefix(':'));
    claim.or_else(|| Some(name).filter(|name| name.contains(':') && issuer.claim(name).is_some()))
}

/// Whether a request can contain a value of this form. `key` is in lower case.
pub(super) fn could_be(key: &str, kind: &KeyKind, value: &str, now: Option<Timestamp>) -> bool {
    match kind {
        KeyKind::Identity(pattern) => pattern.could_be(value),
        KeyKind::Network if key == "aws:sourceip" => value.parse().is_ok_and(|address| is_public(&address)),
        KeyKind::Network => value.parse::<IpAddr>().is_ok(),
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        KeyKind::Time => date_seconds(value).is_some_and(|date| now.is_none_or(|now| date >= now.as_second() as f64)),
        _ => true,
    }
}

/// Whether requests from the internet can come from an address. Networks for documentation count as public, because example
/// policies use them in place of public networks.
fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_private() || address.is_loopback() || address.is_link_local() || is_shared)
                && (1..224).contains(&first)
        }
        IpAddr::V6(address) => address.segments().first().is_some_and(|first| first & 0xe000 == 0x2000),
    }
}

/// Whether none of the networks contains a public internet address.
pub(super) fn are_private(values: &[String]) -> bool {
    let is_private = |network: IpNet| match network {
        IpNet::V4(inner) => {
            let is_within = network.prefix_len() >= 8 || inner.network() >= Ipv4Addr::new(224, 0, 0, 0);
            is_within && !is_public(&network.network()) && !is_public(&network.broadcast())
        }
        IpNet::V6(_) => network.prefix_len() >= 3 && !is_public(&network.network()),
    };
    values.iter().all(|value| parse_network(value).is_none_or(is_private))
}

/// Values that may meet a clause.
pub(super) fn values_for(condition: &Condition, value: &str, kind: &KeyKind, outsider: &str) -> Vec<String> {
    match condition.operator.test {
        Test::IpAddress => parse_network(value).map(|network| some_hosts(&network)).unwrap_or_default(),
        Test::Bool => ["true", "false", value].map(str::to_owned).to_vec(),
        Test::Null => Vec::new(),
        Test::StringEquals | Test::StringEqualsIgnoreCase | Test::NumericEquals => vec![value.to_owned()],
        Test::StringLike | Test::Arn => fillings(value, kind, outsider),
        Test::DateEquals
        | Test::DateLessThan
        | Test::DateLessThanEquals
        | Test::DateGreaterThan
        | Test::DateGreaterThanEquals => match value.trim().parse() {
            Ok(number) => neighbours(number).to_vec(),
            Err(_) => dates_around(value),
        },
        Test::NumericLessThan
        | Test::NumericLessThanEquals
        | Test::NumericGreaterThan
        | Test::NumericGreaterThanEquals => {
            value.trim().parse().map(|number| neighbours(number).to_vec()).unwrap_or_default()
        }
    }
}

/// A number and its two neighbours.
fn neighbours(number: f64) -> [String; 3] {
    [number - 1.0, number, number + 1.0].map(|number| number.to_string())
}

/// A date, and the dates one second before and after it.
fn dates_around(value: &str) -> Vec<String> {
    #[expect(clippy::cast_possible_truncation, reason = "a date out of range is none")]
    let seconds = date_seconds(value).map(|seconds| seconds as i64);
    let around =
        seconds.into_iter().flat_map(|seconds| [seconds.saturating_sub(1), seconds, seconds.saturating_add(1)]);
    around.filter_map(|seconds| Some(Timestamp::from_second(seconds).ok()?.to_string())).collect()
}

/// Addresses from the beginning, the middle and the end of a network.
fn some_hosts(network: &IpNet) -> Vec<String> {
    let halves = network.subnets((network.prefix_len() + 1).min(network.max_prefix_len()));
    let halves: Vec<IpNet> = halves.map(|halves| halves.take(2).collect()).unwrap_or_default();
    let mut hosts: Vec<IpAddr> = network.hosts().take(2).collect();
    hosts.extend(halves.iter().flat_map(|half| [half.network(), half.broadcast()]));
    hosts.extend(network.hosts().skip(2).take(6));
    if hosts.is_empty() {
        hosts.push(network.addr());
    }
    hosts.iter().map(ToString::to_string).collect()
}

/// Example values of outsiders, by which the wildcards of patterns are filled.
fn templates(kind: &KeyKind, outsider: &str) -> Vec<String> {
    match kind {
        KeyKind::Identity(ValuePattern::PrincipalArn) => {
            PRINCIPALS.iter().map(|beginning| format!("{beginning}{outsider}:role/evil")).collect()
        }
        KeyKind::Identity(ValuePattern::SourceArn) => vec![
            format!("arn:aws:lambda:us-east-1:{outsider}:function:evil"),
            "arn:aws:s3:::evil".to_owned(),
            format!("arn:aws-cn:lambda:cn-north-1:{outsider}:function:evil"),
            format!("arn:aws-us-gov:lambda:us-gov-west-1:{outsider}:function:evil"),
        ],
        KeyKind::Identity(ValuePattern::UserId) => vec![USER_ID.to_owned(), format!("{outsider}:evil")],
        KeyKind::Identity(ValuePattern::Organization) => vec![ORGANIZATION.to_owned()],
        KeyKind::Identity(ValuePattern::OrganizationPath) => vec![ORGANIZATION_PATH.to_owned()],
        KeyKind::Identity(ValuePattern::Tenant(issuer, claim)) => {
            let is_claim = |name: &String| issuer.claim(name).is_some_and(|other| std::ptr::eq(other, *claim));
            let example = issuer.outsider.iter().find(|(name, _)| is_claim(name));
            example.map(|(_, values)| values.clone()).unwrap_or_default()
        }
        KeyKind::Network => vec!["9.9.9.9".to_owned()],
        _ => Vec::new(),
    }
}

/// Texts that match a pattern. The wildcards are replaced in several ways, first by values of an outsider.
fn fillings(pattern: &str, kind: &KeyKind, outsider: &str) -> Vec<String> {
    if !pattern.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let pattern = pattern.replace('?', "9");
    let Some((before, after)) = pattern.split_once('*') else { return vec![pattern] };
    let mut stars: Vec<String> = Vec::new();
    for template in templates(kind, outsider) {
        let Some(rest) = template.strip_prefix(before) else { continue };
        stars.push(rest.to_owned());
        stars.extend(rest.match_indices([':', '/', '@']).filter_map(|(at, _)| rest.get(..at).map(str::to_owned)));
    }
    // Digits that complete an account id.
    let (head, tail) =
        (before.rsplit(':').next().unwrap_or_default(), after.split([':', '*']).next().unwrap_or_default());
    let digits = 12_usize.checked_sub(head.len() + tail.len()).map(|digits| "9".repeat(digits));
    let is_word = before.is_empty() || before.ends_with([':', '/', '-', '_', '@']);
    stars.push(if is_word { "evil" } else { "-evil" }.to_owned());
    stars.extend(["-evil/x:ref:refs/heads/main", "evil", "", "7", "/evil"].map(str::to_owned));
    stars.extend(digits);
    let rests = [after.replace('*', "x"), after.replace('*', "")];
    let rests = if after.contains('*') { rests.as_slice() } else { &rests[..1] };
    stars.iter().flat_map(|star| rests.iter().map(move |rest| format!("{before}{star}{rest}"))).collect()
}

/// Whether the networks contain nearly all of the internet.
pub(super) fn is_everywhere(values: &[String]) -> bool {
    Reach::of(values.iter().filter_map(|value| parse_network(value))) == Reach::World
}
