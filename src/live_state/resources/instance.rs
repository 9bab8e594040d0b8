//! Instances (DescribeInstances).

use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::resource;
use crate::live_state::files::{Reader, write_list};
#[cfg(feature = "live")]
use crate::live_state::kind::Batching;
use crate::live_state::kind::{IamPermission, Location, MINUTES, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session};

resource! {
    /// An instance (DescribeInstances).
    Instance {
        /// `i-…`
        instance_id: String,
        /// Its state.
        state: InstanceState,
    }
}

resource! {
    /// The state of an instance.
    InstanceState from InstanceState {
        /// `pending`, `running`, `stopped`, …
        name: String,
    }
}

#[cfg(feature = "live")]
impl From<aws_sdk_ec2::types::Instance> for Instance {
    fn from(sdk: aws_sdk_ec2::types::Instance) -> Self {
        use super::OrEmpty as _;
        Self { instance_id: sdk.instance_id.or_empty(), state: sdk.state.map(InstanceState::from).unwrap_or_default() }
    }
}

/// Instances that were launched together.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reservation {
    instances: Vec<Instance>,
}

const COMMAND: &str = "describe-instances";
const ACTIONS: &[&str] = &["ec2:DescribeInstances"];
const KEY: &str = "Reservations";

impl Resource for Instance {
    const KIND: &'static ResourceKind = &ResourceKind {
        files: &[COMMAND],
        location: Location::Region,
        permissions: &[IamPermission { on: PolicyResource::All, actions: ACTIONS }],
        snapshot_actions: ACTIONS,
        lifetime: MINUTES,
        #[cfg(feature = "live")]
        batching: Batching::Filter,
        read,
        write,
        #[cfg(feature = "live")]
        fetch,
        #[cfg(feature = "live")]
        ids: None,
    };
}

fn read(reader: &mut Reader, path: &Path) -> Result<Response, &'static str> {
    let is_complete = |one: &Reservation| one.instances.iter().all(|instance| !instance.instance_id.is_empty());
    let reservations = reader.list(path, KEY, is_complete).ok_or(COMMAND)?;
    Ok(Response::new(reservations.into_iter().flat_map(|reservation| reservation.instances).collect()))
}

fn write(path: &Path, response: &Response) -> io::Result<()> {
    write_list(path, KEY, &[json!({"Instances": response.resources::<Instance>().unwrap_or_default()})])
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    Box::pin(async move {
        let request = session.ec2.describe_instances().set_filters(selection.filters()).max_results(PAGE);
        let pages = async { request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await };
        let reservations = session.call(Instance::KIND.action(), pages).await?;
        let instances = reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
        Ok(Response::new(instances.map(Instance::from).collect()))
    })
}

impl Instance {
    /// The instance with an id.
    pub const BY_ID: &'static QueryKind<Self> = &QueryKind::new(
        "instance-id",
        |id| id_filter("instance-id", "i-", id),
        Some(|instance| vec![&instance.instance_id]),
    );
}
