//! What an outsider can do about a condition key.
//!
//! After the IAM user guide, "AWS global condition context keys", and the pages on the keys of STS and of web identity.

use std::net::IpAddr;

use ipnet::IpNet;

use super::issuer::Issuer;
use super::principal::is_account;
use crate::address::{Reach, parse_network};
use crate::policy::{Condition, Test};

/// Accounts of strangers: one for each first digit, so that few patterns mean them all.
pub(super) const STRANGERS: [&str; 10] = [
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

/// What stands for the role's own account, organization and tags where they are not known.
const THE_ACCOUNT: &str = "the account of the role";
const THE_ORGANIZATION: &str = "the organization of the role";
pub(super) const THE_TAG: &str = "the tag of the role";

/// What it takes to meet a condition, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    /// Nothing: anybody can.
    Free,
    /// A value that anybody could send, or a place that anybody could be in, if they knew or went there.
    Weak,
    /// It is not known.
    Unknown,
    /// To be somebody in particular.
    Strong,
}

/// What a key is about.
#[derive(Debug, Clone)]
pub(super) enum Class {
    /// Who the caller is, or whose resource or network is used: given, not chosen.
    Identity(Shape),
    /// What the caller chooses, or where they come from.
    Chosen,
    /// A network that the caller comes from.
    Network,
    /// A time: anybody can wait.
    Time,
    /// What holds of every caller, or of none in particular.
    Common,
    /// What holds of the role, as far as it is known.
    Role,
    /// One of a few values, and no other.
    Given,
    /// Never there in such a request.
    Missing,
    /// Not known.
    Unknown,
}

/// Which part of a value says who.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// All of it.
    Whole,
    /// The account of an ARN.
    Arn,
    /// The account of a provider's ARN; those without one are everybody's.
    Provider,
    /// The organization, before the first `/`.
    OrgPath,
    /// The unique id, before the first `:`.
    UserId,
    /// The tenant of a shared provider: `kind:tenant` and the `:` or `/` after it.
    Tenant(&'static Issuer),
}

/// A key as an outsider sees it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) class: Class,
    /// Whether a request can be without it.
    pub(super) may_be_missing: bool,
    /// Values an outsider has or can have, and whether it takes something in particular.
    pub(super) own: Vec<(String, bool)>,
}

/// From whose side a key is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    /// Somebody with credentials of an AWS account.
    Aws,
    /// Somebody with a token of a shared provider.
    Tenant(&'static Issuer, Guest),
}

/// Of Amazon Cognito: whether the question is what a guest of the pool can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guest {
    Yes,
    No,
}

impl Key {
    /// The key `name`, in lower case.
    ///
    /// `stranger` is the account of the outsider, `own` that of the role, if it is known.
    pub(super) fn of(name: &str, side: Side, issuer_name: &str, stranger: &str, own_account: Option<&str>) -> Self {
        let key = |class, may_be_missing, own: &[&str]| Self {
            class,
            may_be_missing,
            own: own.iter().map(|value| ((*value).to_owned(), false)).collect(),
        };
        let somebody = |ending: &str| format!("arn:aws:iam::{stranger}:{ending}");
        let mut accounts = vec![stranger];
        accounts.extend(STRANGERS.iter().filter(|account| **account != stranger));
        if let Side::Tenant(issuer, guest) = side {
            let claim = name.strip_prefix(&issuer_name.to_ascii_lowercase());
            let claim = claim.and_then(|rest| rest.trim_start_matches('/').strip_prefix(':'));
            if claim == Some(issuer.tenancy) || name.eq_ignore_ascii_case(issuer.tenancy) {
                let shape = if issuer.tenancy == "sub" { Shape::Tenant(issuer) } else { Shape::Whole };
                // A guest of the pool has the pool's id.
                let class = if guest == Guest::Yes { Class::Common } else { Class::Identity(shape) };
                return key(class, true, &[issuer.stranger]);
            }
            match claim {
                Some("amr") if guest == Guest::Yes => return key(Class::Given, false, &["unauthenticated"]),
                Some("repository" | "project_path" | "namespace_path") => {
                    return key(Class::Identity(Shape::OrgPath), true, &["evil/x"]);
                }
                Some(
                    "repository_id"
                    | "repository_owner"
                    | "repository_owner_id"
                    | "enterprise"
                    | "enterprise_id"
                    | "namespace_id"
                    | "project_id"
                    | "organization_id"
                    | "organization_slug"
                    | "terraform_organization_id"
                    | "terraform_organization_name",
                ) => return key(Class::Identity(Shape::Whole), true, &["evil"]),
                Some(_) => return key(Class::Common, true, &["evil"]),
                None => {}
            }
        }
        let is_tenant = matches!(side, Side::Tenant(..));
        // Callers with a token have no AWS identity yet.
        let identity = |shape, own: &[&str], may_be_missing| match is_tenant {
            true => key(Class::Missing, true, &[]),
            false => key(Class::Identity(shape), may_be_missing, own),
        };
        match name {
            "aws:principalaccount" => identity(Shape::Whole, &accounts, false),
            "aws:principalarn" => identity(Shape::Arn, &[&somebody("role/evil"), &somebody("user/evil")], false),
            "aws:userid" => identity(Shape::UserId, &["AROAEVILEVILEVILEVIL0:evil"], false),
            "aws:principalorgid" => identity(Shape::Whole, &["o-evilevil99", "o-evilevil88"], true),
            "aws:principalorgpaths" => identity(Shape::OrgPath, &["o-evilevil99/r-evil/ou-evil-evilevil/"], true),
            "aws:federatedprovider" => key(Class::Identity(Shape::Provider), true, &["accounts.google.com"]),
            "aws:sourceaccount" | "aws:vpceaccount" => key(Class::Identity(Shape::Whole), true, &accounts),
            "aws:sourceorgid" | "aws:vpceorgid" => key(Class::Identity(Shape::Whole), true, &["o-evilevil99"]),
            "aws:sourceorgpaths" | "aws:vpceorgpaths" => {
                key(Class::Identity(Shape::OrgPath), true, &["o-evilevil99/r-evil/ou-evil-evilevil/"])
            }
            "aws:sourcearn" | "ec2:sourceinstancearn" | "lambda:sourcefunctionarn" | "aws:sourcevpcarn" => {
                key(Class::Identity(Shape::Arn), true, &[&format!("arn:aws:lambda:us-east-1:{stranger}:function:evil")])
            }
            "aws:sourcevpc" | "aws:ec2instancesourcevpc" => {
                key(Class::Identity(Shape::Whole), true, &["vpc-0e0e0e0e0e0e0e0e0"])
            }
            "aws:sourcevpce" => key(Class::Identity(Shape::Whole), true, &["vpce-0e0e0e0e0e0e0e0e0"]),
            "aws:sourceip" | "aws:vpcsourceip" | "aws:ec2instancesourceprivateipv4" => {
                key(Class::Network, true, &["198.51.100.7", "9.9.9.9", "2001:db8::7"])
            }
            "aws:currenttime" => key(Class::Time, false, &["2026-01-01T00:00:00Z"]),
            "aws:epochtime" => key(Class::Time, false, &["1767225600"]),
            "aws:tokenissuetime" => key(Class::Time, true, &["2026-01-01T00:00:00Z"]),
            "aws:securetransport" => key(Class::Given, false, &["true"]),
            "aws:requestedregion" => key(Class::Common, false, &["us-east-1", "eu-west-1", "ap-southeast-2"]),
            "aws:principaltype" => key(Class::Given, false, &["AssumedRole", "User", "Account", "FederatedUser"]),
            "aws:principalisawsservice" => key(Class::Chosen, false, &["false"]),
            // Only services have a name of this kind.
            "aws:principalservicename" | "aws:principalservicenameslist" => key(Class::Missing, true, &[]),
            "aws:viaawsservice" => key(Class::Given, false, &["false", "true"]),
            "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" => {
                key(Class::Common, true, &["cloudformation.amazonaws.com"])
            }
            "aws:resourceaccount" => match own_account {
                Some(account) => key(Class::Given, false, &[account]),
                None => key(Class::Role, false, &[THE_ACCOUNT]),
            },
            "aws:resourceorgid" | "aws:resourceorgpaths" => key(Class::Role, false, &[THE_ORGANIZATION]),
            "sts:durationseconds" => key(Class::Common, true, &["3600"]),
            "aws:multifactorauthpresent" => {
                let own = vec![("false".to_owned(), false), ("true".to_owned(), true)];
                Self { own, ..key(Class::Chosen, true, &[]) }
            }
            "aws:multifactorauthage" => Self { own: vec![("600".to_owned(), true)], ..key(Class::Chosen, true, &[]) },
            // Words that no policy asks for by chance.
            "sts:externalid" => key(Class::Chosen, true, &["3f1c2a9b-external"]),
            "sts:rolesessionname" => key(Class::Chosen, false, &["evil-3f1c2a9b"]),
            "sts:sourceidentity"
            | "aws:sourceidentity"
            | "aws:username"
            | "aws:useragent"
            | "aws:referer"
            | "sts:transitivetagkeys"
            | "aws:tagkeys"
            | "sts:awsservicename" => key(Class::Chosen, true, &["evil-3f1c2a9b"]),
            _ if ["aws:principaltag/", "aws:requesttag/"].iter().any(|prefix| name.starts_with(prefix)) => {
                key(Class::Chosen, true, &["3f1c2a9b"])
            }
            _ if ["aws:resourcetag/", "iam:resourcetag/"].iter().any(|prefix| name.starts_with(prefix)) => {
                key(Class::Role, true, &[THE_TAG])
            }
            // Claims of another provider, which the caller's session may have been made with.
            _ if name.starts_with("saml:") || name.contains('.') => match is_tenant {
                true => key(Class::Missing, true, &[]),
                false => key(Class::Chosen, true, &["evil"]),
            },
            _ => key(Class::Unknown, true, &[]),
        }
    }
}

/// Whether a value of the policy, in which `wild` says whether `*` and `?` are wildcards, says who.
pub(super) fn is_fixed(shape: Shape, value: &str, wild: bool) -> bool {
    let is_wild = |text: &str| wild && text.contains(['*', '?']);
    let before = |separator: char| value.split(separator).next().filter(|part| !part.is_empty() && !is_wild(part));
    match shape {
        Shape::Provider => value.split(':').nth(4).is_some_and(is_account),
        Shape::Tenant(issuer) => {
            let literal = if is_wild(value) { value.split(['*', '?']).next().unwrap_or_default() } else { value };
            let Some((kind, rest)) = literal.split_once(':') else { return false };
            let tenant = rest.split([':', '/']).next().unwrap_or_default();
            let is_whole = !tenant.is_empty() && tenant.len() < rest.len();
            issuer.has_tenant_after(kind) && (is_whole || !is_wild(value))
        }
        _ if !is_wild(value) => true,
        Shape::Whole => false,
        Shape::Arn => value.split(':').nth(4).is_some_and(is_account),
        Shape::OrgPath => value.contains('/') && before('/').is_some(),
        Shape::UserId => value.contains(':') && before(':').is_some(),
    }
}

/// Whether a key, in lower case, can have such a value, as far as its form tells.
pub(super) fn could_be(name: &str, value: &str) -> bool {
    match name {
        "aws:principalaccount" | "aws:sourceaccount" | "aws:vpceaccount" => is_account(value),
        "aws:principalorgid"
        | "aws:principalorgpaths"
        | "aws:sourceorgid"
        | "aws:sourceorgpaths"
        | "aws:vpceorgid"
        | "aws:vpceorgpaths" => value.starts_with("o-"),
        "aws:principalarn" | "aws:sourcearn" => value.starts_with("arn:"),
        "aws:sourceip" | "aws:vpcsourceip" => value.parse::<IpAddr>().is_ok(),
        _ => true,
    }
}

/// Values for which a clause might hold: each with whether it is anybody's in particular.
pub(super) fn values_for(condition: &Condition, value: &str, class: &Class, stranger: &str) -> Vec<(String, bool)> {
    let wild = matches!(condition.operator.test, Test::StringLike | Test::Arn);
    let is_identity = matches!(class, Class::Identity(_));
    match condition.operator.test {
        Test::IpAddress => {
            let hosts = parse_network(value).map(|network| some_hosts(&network)).unwrap_or_default();
            hosts.into_iter().map(|host| (host, !is_identity)).collect()
        }
        Test::Bool => ["true", "false", value].map(|flag| (flag.to_owned(), true)).to_vec(),
        Test::Null => Vec::new(),
        Test::StringEquals | Test::StringEqualsIgnoreCase => {
            let fixed = match class {
                Class::Identity(shape) => is_fixed(*shape, value, false),
                _ => true,
            };
            vec![(value.to_owned(), fixed)]
        }
        Test::StringLike | Test::Arn => {
            let fixed = match class {
                Class::Identity(shape) => is_fixed(*shape, value, wild),
                _ => true,
            };
            fillings(value, stranger).into_iter().map(|filled| (filled, fixed)).collect()
        }
        // Whoever is on one side of a number or a date is nobody in particular.
        Test::DateEquals
        | Test::DateLessThan
        | Test::DateLessThanEquals
        | Test::DateGreaterThan
        | Test::DateGreaterThanEquals => {
            let around = value.trim().parse().map(|number| neighbours(number).to_vec()).unwrap_or_default();
            let ends = ["0001-01-01T00:00:00Z", "9999-12-30T00:00:00Z", value].map(str::to_owned);
            around.into_iter().chain(ends).map(|date| (date, !is_identity)).collect()
        }
        Test::NumericEquals => vec![(value.to_owned(), true)],
        Test::NumericLessThan
        | Test::NumericLessThanEquals
        | Test::NumericGreaterThan
        | Test::NumericGreaterThanEquals => {
            let around = value.trim().parse().map(|number| neighbours(number).to_vec()).unwrap_or_default();
            around.into_iter().map(|number| (number, !is_identity)).collect()
        }
    }
}

/// A number, and one on each side of it.
fn neighbours(number: f64) -> [String; 3] {
    [number - 1.0, number, number + 1.0].map(|number| number.to_string())
}

/// Addresses from the beginning, the middle and the end of the network.
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

/// Texts that a pattern matches: its wildcards replaced in a few ways, the first of which reads as a stranger's.
fn fillings(pattern: &str, account_of_stranger: &str) -> Vec<String> {
    if !pattern.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let ones = pattern.replace('?', "9");
    let first = ones.split('*').next().unwrap_or_default();
    let (before, after) = (first, ones.get(first.len() + 1..).unwrap_or_default());
    let account = first.matches(':').count() == 4;
    let stranger = match (before, after.is_empty()) {
        (_, _) if account => account_of_stranger,
        ("", true) => "evil",
        ("repo:" | "project_path:", true) => "evil/x:ref:refs/heads/main",
        (before, true) if before.starts_with("repo:") && !before.contains('/') => "-evil/x:ref:refs/heads/main",
        (before, _) if before.ends_with([':', '/', '-', '_']) => "evil",
        _ => "-evil",
    };
    // What a first `*` can stand for in an ARN, and in the path of an organization.
    let role = format!("arn:aws:iam::{account_of_stranger}:role/");
    let stars = [stranger, "", "evil", "o-evilevil99", "7", role.trim_end_matches(":role/"), &role];
    let mut texts: Vec<String> = stars.iter().map(|star| ones.replacen('*', star, 1).replace('*', "x")).collect();
    // As an account id, should it be one.
    if let Some(digits) = 12_usize.checked_sub(ones.replace('*', "").len()) {
        texts.push(ones.replacen('*', &"9".repeat(digits), 1).replace('*', ""));
    }
    texts
}

/// Whether networks that a caller has to come from are all there are.
pub(super) fn is_everywhere(values: &[String]) -> bool {
    Reach::of(values.iter().filter_map(|value| parse_network(value))) == Reach::World
}
