//! Entries of managed prefix lists (GetManagedPrefixListEntries).

use std::io;
use std::path::Path;

#[cfg(feature = "live")]
use aws_sdk_ec2::error::ProvideErrorMetadata as _;

use super::resource;
use crate::live_state::files::{Reader, write_list};
#[cfg(feature = "live")]
use crate::live_state::kind::Batching;
use crate::live_state::kind::{IamPermission, LAYOUT, Location, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::response::Unavailable;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, ListedIds, ReadSelection, SMALL_PAGE, Session, unavailable};

resource! {
    /// An entry of a prefix list (GetManagedPrefixListEntries).
    PrefixListEntry from PrefixListEntry {
        /// The network.
        cidr: String,
    }
}

const COMMAND: &str = "get-managed-prefix-list-entries";
const ENTRIES: &str = "ec2:GetManagedPrefixListEntries";
const LISTS: &str = "ec2:DescribeManagedPrefixLists";
const KEY: &str = "Entries";

impl Resource for PrefixListEntry {
    const KIND: &'static ResourceKind = &ResourceKind {
        files: &[COMMAND],
        location: Location::RegionById("--prefix-list-id"),
        permissions: &[IamPermission { on: PolicyResource::All, actions: &[ENTRIES] }],
        snapshot_actions: &[LISTS, ENTRIES],
        lifetime: LAYOUT,
        #[cfg(feature = "live")]
        batching: Batching::Id,
        read,
        write,
        #[cfg(feature = "live")]
        fetch,
        #[cfg(feature = "live")]
        ids: Some(ids),
    };
}

fn read(reader: &mut Reader, path: &Path) -> Result<Response, &'static str> {
    reader.list(path, KEY, |_: &PrefixListEntry| true).map(Response::new).ok_or(COMMAND)
}

fn write(path: &Path, response: &Response) -> io::Result<()> {
    write_list(path, KEY, response.resources::<PrefixListEntry>().unwrap_or_default())
}

/// Reads the entries of one prefix list. A list that a rule or route references cannot be deleted, so one that is not found
/// exists and is not visible to the caller, such as a list of another account.
#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    Box::pin(async move {
        let ReadSelection::Id(id) = selection else {
            return Err(Unavailable(format!("{ENTRIES} reads one prefix list at a time")));
        };
        let request = session.ec2.get_managed_prefix_list_entries().prefix_list_id(&id).max_results(SMALL_PAGE);
        let entries = async {
            let entries = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
            entries.map_err(|error| {
                let code = error.as_service_error().and_then(|error| error.code()).unwrap_or_default();
                let is_hidden =
                    code.to_ascii_lowercase().starts_with("invalidprefixlistid") && code.ends_with(".NotFound");
                let Unavailable(reason) = unavailable(ENTRIES, &error);
                Unavailable(if is_hidden { format!("{id} is not visible to this account: {reason}") } else { reason })
            })
        };
        let entries = session.deadline.before(ENTRIES, entries).await?;
        Ok(Response::new::<PrefixListEntry>(entries.into_iter().map(Into::into).collect()))
    })
}

/// The ids of all prefix lists, including those of AWS.
#[cfg(feature = "live")]
fn ids(session: &Session) -> ListedIds<'_> {
    Box::pin(async move {
        let pages = session.ec2.describe_managed_prefix_lists().max_results(SMALL_PAGE).into_paginator();
        let lists = session.call(LISTS, async { pages.items().send().collect::<Result<Vec<_>, _>>().await }).await?;
        Ok(lists.into_iter().filter_map(|list| list.prefix_list_id).collect())
    })
}

impl PrefixListEntry {
    /// The entries of the prefix list with an id.
    pub const BY_LIST: &'static QueryKind<Self> =
        &QueryKind::new("prefix-list-id", |id| id_filter("prefix-list-id", "pl-", id), None);
}
