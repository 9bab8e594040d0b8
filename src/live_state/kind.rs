//! The definition of a kind of resource.

use std::fmt;
use std::io;
use std::path::Path;

use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::files::{Reader, write_list};
use super::response::Response;
#[cfg(feature = "live")]
use super::session::{Fetched, ListedIds, ReadSelection, Session};

/// Resources that are opened and closed by the minute: security group rules, network interfaces, instances.
pub(super) const MINUTES: SignedDuration = SignedDuration::from_secs(15);
/// Roles and their policies.
pub(super) const ROLES: SignedDuration = SignedDuration::from_secs(60);
/// The layout of a network: routes, gateways, network ACLs, subnets, VPCs, prefix lists.
pub(super) const LAYOUT: SignedDuration = SignedDuration::from_secs(120);

/// A resource that live state reads.
pub trait Resource: fmt::Debug + Clone + Send + Sync + 'static {
    /// The definition of the kind.
    const KIND: &'static ResourceKind;
}

/// A kind of resource: a row of [`super::resources::RESOURCES`].
pub struct ResourceKind {
    /// The files of a snapshot, each named after the AWS CLI command that prints it. The first is the name of the kind.
    pub(super) files: &'static [&'static str],
    /// The location of the files.
    pub(super) location: Location,
    /// The IAM permissions that queries need. Errors name the first action.
    pub(super) permissions: &'static [IamPermission],
    /// The IAM actions that a snapshot needs.
    pub(super) snapshot_actions: &'static [&'static str],
    /// The time for which a response may be used.
    pub(super) lifetime: SignedDuration,
    /// The way in which queries share a call.
    #[cfg(feature = "live")]
    pub(super) batching: Batching,
    /// Reads the file at a path. The error is the name of the missing file.
    pub(super) read: fn(&mut Reader, &Path) -> Result<Response, &'static str>,
    /// Writes the file at a path.
    pub(super) write: fn(&Path, &Response) -> io::Result<()>,
    /// Reads resources from AWS.
    #[cfg(feature = "live")]
    pub(super) fetch: for<'a> fn(&'a Session, ReadSelection) -> Fetched<'a>,
    /// Reads all ids of a Region, for kinds with one file per id.
    #[cfg(feature = "live")]
    pub(super) ids: Option<for<'a> fn(&'a Session) -> ListedIds<'a>>,
}

/// The location of the files of a kind in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    /// `ACCOUNT/COMMAND.json`
    Account,
    /// `ACCOUNT/REGION/COMMAND.json`
    Region,
    /// `ACCOUNT/REGION/COMMAND/ID.json`. Contains the AWS CLI option for the id.
    RegionById(&'static str),
}

/// The way in which queries share a call.
#[cfg(feature = "live")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Batching {
    /// A filter selects up to 200 ids.
    Filter,
    /// One call reads all resources.
    All,
    /// One call reads the resources of one id.
    Id,
}

/// Actions that are allowed on the same resources.
#[derive(Debug, Clone, Copy)]
pub(super) struct IamPermission {
    /// The resources.
    pub(super) on: PolicyResource,
    /// The actions.
    pub(super) actions: &'static [&'static str],
}

/// The `Resource` of a policy statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyResource {
    /// `*`, for actions without resource-level permissions.
    All,
    /// The roles of the account.
    Roles,
    /// The managed policies of the account and of AWS.
    Policies,
}

/// A resource that a Describe call lists, with its id.
pub(super) trait Listed: Resource + Serialize + DeserializeOwned {
    /// The key of the list in the file.
    const KEY: &'static str;

    /// The id. A resource without one makes the file invalid.
    fn id(&self) -> &str;
}

impl ResourceKind {
    /// A kind that one Describe call lists. `command` is the AWS CLI command and `permissions` its action.
    pub(super) const fn listed<T: Listed>(
        command: &'static [&'static str; 1],
        permissions: &'static [IamPermission; 1],
        lifetime: SignedDuration,
        #[cfg(feature = "live")] fetch: for<'a> fn(&'a Session, ReadSelection) -> Fetched<'a>,
    ) -> Self {
        let [permission] = permissions;
        Self {
            files: command,
            location: Location::Region,
            permissions,
            snapshot_actions: permission.actions,
            lifetime,
            #[cfg(feature = "live")]
            batching: Batching::Filter,
            read: read_listed::<T>,
            write: write_listed::<T>,
            #[cfg(feature = "live")]
            fetch,
            #[cfg(feature = "live")]
            ids: None,
        }
    }

    /// The name, which is the AWS CLI command that prints the resources, such as `describe-vpcs`.
    pub fn name(&self) -> &'static str {
        self.files.first().copied().unwrap_or_default()
    }

    /// Whether its resources are global rather than regional.
    pub fn is_global(&self) -> bool {
        self.location == Location::Account
    }

    /// Whether a snapshot has one file for each id.
    pub fn has_ids(&self) -> bool {
        matches!(self.location, Location::RegionById(_))
    }

    /// The action that errors name.
    pub fn action(&self) -> &'static str {
        self.permissions.first().and_then(|permission| permission.actions.first()).copied().unwrap_or_default()
    }
}

impl fmt::Debug for ResourceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl PartialEq for ResourceKind {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for ResourceKind {}

fn read_listed<T: Listed>(reader: &mut Reader, path: &Path) -> Result<Response, &'static str> {
    reader.list(path, T::KEY, |resource: &T| !resource.id().is_empty()).map(Response::new).ok_or(T::KIND.name())
}

fn write_listed<T: Listed>(path: &Path, response: &Response) -> io::Result<()> {
    write_list(path, T::KEY, response.resources::<T>().unwrap_or_default())
}
