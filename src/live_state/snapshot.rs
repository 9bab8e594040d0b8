//! The state of accounts from files, for the command line and for tests: what the AWS CLI prints, one file a list.
//!
//! ```text
//! DIR/ACCOUNT/snapshot.json                              {"CheckedAt": "2026-03-04T10:00:00Z"}, may be missing
//! DIR/ACCOUNT/get-account-authorization-details.json     aws iam get-account-authorization-details
//! DIR/ACCOUNT/REGION/snapshot.json                       as above
//! DIR/ACCOUNT/REGION/describe-network-interfaces.json    aws ec2 describe-network-interfaces
//! DIR/ACCOUNT/REGION/describe-….json                     aws ec2 describe-…
//! DIR/ACCOUNT/REGION/get-managed-prefix-list-entries/PREFIX_LIST.json
//! ```
//!
//! A file that is missing leaves questions unanswered; a resource that is not in a file that is there does not exist.

mod layout;
mod read;
mod roles;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::describe::{
    BlockPublicAccess, BlockPublicAccessExclusion, Instance, InternetGateway, NetworkAcl, NetworkInterface, RouteTable,
    SecurityGroup, SecurityGroupRule, Subnet, Vpc,
};
use super::listing::{Listing, shares};
use super::question::{Answer, Answered, LiveState, Place, Question, Topic, Unanswered};
use layout::{EXCLUSIONS, EXCLUSIONS_KEY, PREFIX_LISTS, ROLES, SNAPSHOT, file, missing};
use read::Reader;

pub use layout::OF_A_REGION;
#[cfg(feature = "live")]
pub(crate) use roles::decoded;
pub use roles::{
    AttachedPolicy, AuthorizationDetails, Boundary, Document, InlinePolicy, ManagedPolicy, PolicyVersion, RoleDetail,
};
pub use write::Writer;

/// The state of accounts, as files say.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    accounts: HashMap<String, Roles>,
    regions: HashMap<Place, Region>,
}

/// The roles of an account.
#[derive(Debug, Clone, Default)]
struct Roles {
    at: Option<Timestamp>,
    roles: Option<Answer>,
}

/// What is known of a region.
#[derive(Debug, Clone, Default)]
struct Region {
    at: Option<Timestamp>,
    lists: HashMap<Listing, Answer>,
    prefix_lists: HashMap<String, Answer>,
    /// Whether block public access is only unanswered for want of what it does not count for.
    only_exclusions_missing: bool,
}

/// Everything that is wrong with a snapshot. Never empty; not yet safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SnapshotFaults(pub Vec<String>);

impl fmt::Display for SnapshotFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

/// Instances that were started together.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reservation {
    instances: Vec<Instance>,
}

impl Snapshot {
    /// Reads all files below a directory.
    ///
    /// # Errors
    /// Every fault, when a file cannot be read, is not what the AWS CLI prints, or is one page of several; or when there
    /// is no account at all.
    pub fn open(directory: &Path) -> Result<Self, SnapshotFaults> {
        let mut reader = Reader::default();
        let mut snapshot = Self::default();
        for (account, path) in reader.directory(directory) {
            let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
            if !is_account || !path.is_dir() {
                continue;
            }
            for (region, path) in reader.directory(&path) {
                if path.is_dir() {
                    let place = Place { account: account.clone(), region };
                    snapshot.regions.insert(place, Region::read(&mut reader, &path));
                }
            }
            snapshot.accounts.insert(account, Roles::read(&mut reader, &path));
        }
        if snapshot.accounts.is_empty() && reader.faults.is_empty() {
            reader.faults.push(format!(
                "{}: holds no snapshot of an account; expected files such as 111122223333/eu-west-1/describe-vpcs.json",
                directory.display()
            ));
        }
        if reader.faults.is_empty() { Ok(snapshot) } else { Err(SnapshotFaults(reader.faults)) }
    }

    /// What a question is answered from, and when that was so.
    fn whole(&self, question: &Question) -> (Option<&Answer>, Option<Timestamp>) {
        let Question { place, topic, id } = question;
        if *topic == Topic::Role {
            let account = self.accounts.get(&place.account);
            return (account.and_then(|account| account.roles.as_ref()), account.and_then(|account| account.at));
        }
        let region = self.regions.get(place);
        let whole = region.and_then(|region| match topic {
            Topic::PrefixList => region.prefix_lists.get(id),
            _ => region.lists.get(&topic.listing()),
        });
        (whole, region.and_then(|region| region.at))
    }

    fn unanswered(&self, Question { place, topic, id }: &Question) -> Unanswered {
        let only_exclusions = self.regions.get(place).is_some_and(|region| region.only_exclusions_missing);
        let name = match topic {
            Topic::BlockPublicAccess if only_exclusions => EXCLUSIONS,
            topic => file(topic.listing()).0,
        };
        Unanswered(missing(place, topic.listing(), name, id))
    }
}

impl LiveState for Snapshot {
    async fn answer(&self, questions: Vec<Question>) -> Vec<Answered> {
        // Questions that share a list are answered in one pass over it.
        let mut alike: BTreeMap<(Place, Topic), Vec<Question>> = BTreeMap::new();
        let mut answered = Vec::with_capacity(questions.len());
        for question in questions {
            // Each prefix list is a list of its own.
            if question.topic == Topic::PrefixList {
                let (whole, at) = self.whole(&question);
                let answer = whole.cloned().ok_or_else(|| self.unanswered(&question));
                answered.push(Answered { question, answer, at });
            } else {
                alike.entry((question.place.clone(), question.topic)).or_default().push(question);
            }
        }
        for ((_, topic), questions) in alike {
            let Some((whole, at)) = questions.first().map(|first| self.whole(first)) else { continue };
            let ids: Vec<&str> = questions.iter().map(|question| question.id.as_str()).collect();
            let answers: Vec<_> = match whole {
                Some(whole) => shares(topic, &ids, whole).into_iter().map(Ok).collect(),
                None => questions.iter().map(|question| Err(self.unanswered(question))).collect(),
            };
            let pairs = questions.into_iter().zip(answers);
            answered.extend(pairs.map(|(question, answer)| Answered { question, answer, at }));
        }
        answered
    }
}

impl Roles {
    fn read(reader: &mut Reader, directory: &Path) -> Self {
        let path = directory.join(ROLES);
        let lists = reader.two_lists::<RoleDetail, ManagedPolicy>(
            &path,
            ("RoleDetailList", |role| !role.role_name.is_empty()),
            ("Policies", |policy| !policy.arn.is_empty()),
        );
        let details = lists.map(|(role_detail_list, policies)| AuthorizationDetails { role_detail_list, policies });
        Self {
            at: reader.checked_at(&directory.join(SNAPSHOT)),
            roles: details.map(|details| Answer::Roles(details.roles())),
        }
    }
}

impl Region {
    fn read(reader: &mut Reader, directory: &Path) -> Self {
        let mut region = Self { at: reader.checked_at(&directory.join(SNAPSHOT)), ..Self::default() };
        for listing in OF_A_REGION {
            if let Some(answer) = list(reader, directory, listing) {
                region.lists.insert(listing, answer);
            }
        }
        region.read_block_public_access(reader, directory);
        for (name, path) in reader.directory(&directory.join(PREFIX_LISTS)) {
            let Some(id) = name.strip_suffix(".json") else { continue };
            if let Some(entries) = reader.list(&path, "Entries", |_| true) {
                region.prefix_lists.insert(id.to_owned(), Answer::PrefixList(entries));
            }
        }
        region
    }

    fn read_block_public_access(&mut self, reader: &mut Reader, directory: &Path) {
        let (name, key) = file(Listing::BlockPublicAccess);
        let has_mode = |options: &BlockPublicAccess| !options.internet_gateway_block_mode.is_empty();
        let options = reader.one(&directory.join(name), key, has_mode);
        let has_arn = |exclusion: &BlockPublicAccessExclusion| !exclusion.resource_arn.is_empty();
        let exclusions = reader.list(&directory.join(EXCLUSIONS), EXCLUSIONS_KEY, has_arn);
        let Some(mut options) = options else { return };
        // What it does not count for is of no matter while it is off.
        if exclusions.is_none() && options.internet_gateway_block_mode != "off" {
            self.only_exclusions_missing = true;
            return;
        }
        options.exclusions = exclusions.unwrap_or_default();
        self.lists.insert(Listing::BlockPublicAccess, Answer::BlockPublicAccess(options));
    }
}

/// A list of a region, when there is a file of it.
fn list(reader: &mut Reader, directory: &Path, listing: Listing) -> Option<Answer> {
    let (name, key) = file(listing);
    let path = directory.join(name);
    /// Reads the list of one kind.
    macro_rules! read {
        ($answer:ident, $kind:ident, $id:ident) => {
            reader.list(&path, key, |one: &$kind| !one.$id.is_empty()).map(Answer::$answer)
        };
    }
    match listing {
        Listing::NetworkInterfaces => read!(Interfaces, NetworkInterface, network_interface_id),
        Listing::SecurityGroupRules => read!(GroupRules, SecurityGroupRule, security_group_rule_id),
        Listing::SecurityGroups => read!(Groups, SecurityGroup, group_id),
        Listing::RouteTables => read!(RouteTables, RouteTable, route_table_id),
        Listing::InternetGateways => read!(Gateways, InternetGateway, internet_gateway_id),
        Listing::NetworkAcls => read!(Acls, NetworkAcl, network_acl_id),
        Listing::Vpcs => read!(Vpcs, Vpc, vpc_id),
        Listing::Subnets => read!(Subnets, Subnet, subnet_id),
        Listing::Instances => {
            let complete = |one: &Reservation| one.instances.iter().all(|instance| !instance.instance_id.is_empty());
            let reservations = reader.list(&path, key, complete)?;
            Some(Answer::Instances(reservations.into_iter().flat_map(|reservation| reservation.instances).collect()))
        }
        Listing::PrefixListEntries | Listing::BlockPublicAccess | Listing::Roles => None,
    }
}

#[cfg(test)]
mod tests;
