//! Which file of a snapshot holds which list, and how it is made.

use crate::live_state::listing::Listing;
use crate::live_state::question::Place;
use crate::text::shell_word;

/// The roles of an account, in the directory of the account.
pub(super) const ROLES: &str = "get-account-authorization-details.json";
/// When the other files of the same directory were made.
pub(super) const SNAPSHOT: &str = "snapshot.json";
/// The directory of the files with the entries of one prefix list each.
pub(super) const PREFIX_LISTS: &str = "get-managed-prefix-list-entries";
/// What block public access does not count for.
pub(super) const EXCLUSIONS: &str = "describe-vpc-block-public-access-exclusions.json";
/// Under which key that stands.
pub(super) const EXCLUSIONS_KEY: &str = "VpcBlockPublicAccessExclusions";

/// The lists of a region that are one file each.
pub const OF_A_REGION: [Listing; 9] = [
    Listing::NetworkInterfaces,
    Listing::SecurityGroupRules,
    Listing::SecurityGroups,
    Listing::RouteTables,
    Listing::InternetGateways,
    Listing::NetworkAcls,
    Listing::Vpcs,
    Listing::Subnets,
    Listing::Instances,
];

/// The file of a list, and under which key the list stands in it.
pub(super) fn file(listing: Listing) -> (&'static str, &'static str) {
    match listing {
        Listing::NetworkInterfaces => ("describe-network-interfaces.json", "NetworkInterfaces"),
        Listing::SecurityGroupRules => ("describe-security-group-rules.json", "SecurityGroupRules"),
        Listing::SecurityGroups => ("describe-security-groups.json", "SecurityGroups"),
        Listing::RouteTables => ("describe-route-tables.json", "RouteTables"),
        Listing::InternetGateways => ("describe-internet-gateways.json", "InternetGateways"),
        Listing::NetworkAcls => ("describe-network-acls.json", "NetworkAcls"),
        Listing::Vpcs => ("describe-vpcs.json", "Vpcs"),
        Listing::Subnets => ("describe-subnets.json", "Subnets"),
        Listing::Instances => ("describe-instances.json", "Reservations"),
        Listing::PrefixListEntries => (PREFIX_LISTS, "Entries"),
        Listing::BlockPublicAccess => ("describe-vpc-block-public-access-options.json", "VpcBlockPublicAccessOptions"),
        Listing::Roles => (ROLES, "RoleDetailList"),
    }
}

/// That a file is missing, and how to make it.
pub(super) fn missing(place: &Place, listing: Listing, file: &str, id: &str) -> String {
    let Place { account, region } = place;
    let command = file.strip_suffix(".json").unwrap_or(file);
    match listing {
        Listing::Roles => {
            format!("the snapshot has no file {account}/{file}; in that account, `aws iam {command}` prints it")
        }
        Listing::PrefixListEntries => format!(
            "the snapshot has no file {account}/{region}/{file}/{id}.json; in that account, \
             `aws ec2 {command} --region {} --prefix-list-id {}` prints it",
            shell_word(region),
            shell_word(id)
        ),
        _ => format!(
            "the snapshot has no file {account}/{region}/{file}; in that account, \
             `aws ec2 {command} --region {}` prints it",
            shell_word(region)
        ),
    }
}
