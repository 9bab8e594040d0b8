//! Lists from EC2, all pages of them.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use aws_sdk_ec2::types::Filter;

use super::refusal::refused;
use crate::live_state::describe::{BlockPublicAccess, BlockPublicAccessExclusion, Instance};
use crate::live_state::listing::Listing;
use crate::live_state::question::{Answer, Unanswered};

/// The most entries that most calls give on a page.
const PAGE: i32 = 1_000;
/// The same of those that give fewer: DescribeRouteTables, GetManagedPrefixListEntries, DescribeManagedPrefixLists.
const SMALL_PAGE: i32 = 100;

/// What IAM calls reading a list.
pub(super) fn action(listing: Listing) -> &'static str {
    match listing {
        Listing::NetworkInterfaces => "ec2:DescribeNetworkInterfaces",
        Listing::SecurityGroupRules => "ec2:DescribeSecurityGroupRules",
        Listing::SecurityGroups => "ec2:DescribeSecurityGroups",
        Listing::RouteTables => "ec2:DescribeRouteTables",
        Listing::InternetGateways => "ec2:DescribeInternetGateways",
        Listing::NetworkAcls => "ec2:DescribeNetworkAcls",
        Listing::Vpcs => "ec2:DescribeVpcs",
        Listing::Subnets => "ec2:DescribeSubnets",
        Listing::Instances => "ec2:DescribeInstances",
        Listing::PrefixListEntries => "ec2:GetManagedPrefixListEntries",
        Listing::BlockPublicAccess => "ec2:DescribeVpcBlockPublicAccessOptions",
        Listing::Roles => "iam:GetRole",
    }
}

/// Follows the pages of a Describe call.
macro_rules! all {
    ($client:ident.$call:ident($filter:expr), $page:expr, $listing:expr) => {{
        let pages = $client.$call().set_filters($filter).max_results($page).into_paginator().items().send();
        let entries = pages.collect::<Result<Vec<_>, _>>().await;
        entries.map_err(|error| refused(action($listing), &error))?
    }};
}

/// The entries of a list, of the whole region or those that a filter lets through.
pub(super) async fn list(
    client: &Client,
    listing: Listing,
    filter: Option<(&'static str, Vec<String>)>,
) -> Result<Answer, Unanswered> {
    let filter = filter.map(|(name, values)| vec![Filter::builder().name(name).set_values(Some(values)).build()]);
    /// One list as an answer.
    macro_rules! answer {
        ($call:ident, $answer:ident, $page:expr) => {
            Answer::$answer(all!(client.$call(filter), $page, listing).into_iter().map(Into::into).collect())
        };
    }
    Ok(match listing {
        Listing::NetworkInterfaces => answer!(describe_network_interfaces, Interfaces, PAGE),
        Listing::SecurityGroupRules => answer!(describe_security_group_rules, GroupRules, PAGE),
        Listing::SecurityGroups => answer!(describe_security_groups, Groups, PAGE),
        Listing::RouteTables => answer!(describe_route_tables, RouteTables, SMALL_PAGE),
        Listing::InternetGateways => answer!(describe_internet_gateways, Gateways, PAGE),
        Listing::NetworkAcls => answer!(describe_network_acls, Acls, PAGE),
        Listing::Vpcs => answer!(describe_vpcs, Vpcs, PAGE),
        Listing::Subnets => answer!(describe_subnets, Subnets, PAGE),
        Listing::Instances => {
            let reservations = all!(client.describe_instances(filter), PAGE, listing);
            let instances = reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
            Answer::Instances(instances.map(Instance::from).collect())
        }
        Listing::BlockPublicAccess => Answer::BlockPublicAccess(block_public_access(client).await?),
        Listing::PrefixListEntries | Listing::Roles => {
            return Err(Unanswered(format!("{} reads one at a time", action(listing))));
        }
    })
}

/// What is in a prefix list. What rules or routes name cannot be deleted, so one that is not found is there and not
/// visible to the caller, such as a list of another account.
pub(super) async fn prefix_list(client: &Client, id: &str) -> Result<Answer, Unanswered> {
    let pages = client.get_managed_prefix_list_entries().prefix_list_id(id).max_results(SMALL_PAGE);
    let entries = pages.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    match entries {
        Ok(entries) => Ok(Answer::PrefixList(entries.into_iter().map(Into::into).collect())),
        Err(error) => {
            let code = error.as_service_error().and_then(|error| error.code()).unwrap_or_default();
            let is_hidden = code.to_ascii_lowercase().starts_with("invalidprefixlistid") && code.ends_with(".NotFound");
            let Unanswered(reason) = refused(action(Listing::PrefixListEntries), &error);
            Err(Unanswered(if is_hidden { format!("{id} is not visible to this account: {reason}") } else { reason }))
        }
    }
}

/// The ids of all prefix lists, those of AWS among them.
pub(super) async fn prefix_lists(client: &Client) -> Result<Vec<String>, Unanswered> {
    let pages = client.describe_managed_prefix_lists().max_results(SMALL_PAGE).into_paginator().items().send();
    let lists = pages.collect::<Result<Vec<_>, _>>().await;
    let lists = lists.map_err(|error| refused("ec2:DescribeManagedPrefixLists", &error))?;
    Ok(lists.into_iter().filter_map(|list| list.prefix_list_id).collect())
}

/// Whether the region keeps VPCs off the internet, and which it leaves out.
///
/// A region whose EC2 answers `InvalidAction` does not have the feature, so nobody can have turned it on. Any other
/// refusal, such as `UnsupportedOperation`, may be about the caller and says nothing of the state.
async fn block_public_access(client: &Client) -> Result<BlockPublicAccess, Unanswered> {
    const OFF: &str = "off";
    let options = match client.describe_vpc_block_public_access_options().send().await {
        Ok(answer) => answer.vpc_block_public_access_options,
        Err(error) if error.as_service_error().and_then(|error| error.code()) == Some("InvalidAction") => {
            return Ok(BlockPublicAccess { internet_gateway_block_mode: OFF.to_owned(), exclusions: Vec::new() });
        }
        Err(error) => return Err(refused(action(Listing::BlockPublicAccess), &error)),
    };
    let mode = options.and_then(|options| options.internet_gateway_block_mode);
    let Some(mode) = mode.map(|mode| mode.as_str().to_owned()) else {
        return Err(Unanswered(format!("{}: no mode in the answer", action(Listing::BlockPublicAccess))));
    };
    // What it does not count for is of no matter while it is off.
    let exclusions = if mode == OFF { Vec::new() } else { exclusions(client).await? };
    Ok(BlockPublicAccess { internet_gateway_block_mode: mode, exclusions })
}

/// What block public access does not count for; also what no longer is, which its state tells.
async fn exclusions(client: &Client) -> Result<Vec<BlockPublicAccessExclusion>, Unanswered> {
    let mut exclusions = Vec::new();
    let mut token = None;
    loop {
        let page = client.describe_vpc_block_public_access_exclusions().set_next_token(token).max_results(PAGE).send();
        let page = page.await.map_err(|error| refused("ec2:DescribeVpcBlockPublicAccessExclusions", &error))?;
        exclusions.extend(page.vpc_block_public_access_exclusions.unwrap_or_default().into_iter().map(Into::into));
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(exclusions);
        }
    }
}
