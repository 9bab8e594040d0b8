//! Route tables (DescribeRouteTables).

use super::resource;
use crate::live_state::kind::{IamPermission, LAYOUT, Listed, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
#[cfg(feature = "live")]
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, ReadSelection, SMALL_PAGE, Session, describe};

resource! {
    /// A route table (DescribeRouteTables).
    RouteTable from RouteTable {
        /// `rtb-…`
        route_table_id: String,
        /// `vpc-…`
        vpc_id: String,
        /// Its routes.
        routes: Vec<Route>,
        /// Its associations with subnets and gateways.
        associations: Vec<RouteTableAssociation>,
    }
}

resource! {
    /// A route.
    Route from Route {
        /// The IPv4 destination.
        #[serde(skip_serializing_if = "Option::is_none")]
        destination_cidr_block: Option<String>,
        /// The IPv6 destination.
        #[serde(skip_serializing_if = "Option::is_none")]
        destination_ipv6_cidr_block: Option<String>,
        /// The destination as a prefix list.
        #[serde(skip_serializing_if = "Option::is_none")]
        destination_prefix_list_id: Option<String>,
        /// `local`, `igw-…`, `vgw-…` or `vpce-…`. Other targets have other fields and do not lead to an internet gateway.
        #[serde(skip_serializing_if = "Option::is_none")]
        gateway_id: Option<String>,
        /// `eni-…`, if the target is a network interface, such as that of a firewall.
        #[serde(skip_serializing_if = "Option::is_none")]
        network_interface_id: Option<String>,
        /// `active`, or `blackhole` when the target is gone.
        state: String,
        /// Its origin: `CreateRouteTable`, `CreateRoute`, `EnableVgwRoutePropagation` or `Advertisement`.
        #[serde(skip_serializing_if = "String::is_empty")]
        origin: String,
    }
}

resource! {
    /// An association of a route table.
    RouteTableAssociation from RouteTableAssociation {
        /// `rtbassoc-…`
        route_table_association_id: String,
        /// Whether it is the main table, which applies to subnets without a table of their own.
        main: bool,
        /// The subnet, unless it is the main one.
        #[serde(skip_serializing_if = "Option::is_none")]
        subnet_id: Option<String>,
        /// The internet gateway, for a table that routes inbound traffic.
        #[serde(skip_serializing_if = "Option::is_none")]
        gateway_id: Option<String>,
    }
}

impl Resource for RouteTable {
    const KIND: &'static ResourceKind = &ResourceKind::listed::<Self>(
        &["describe-route-tables"],
        &[IamPermission { on: PolicyResource::All, actions: &["ec2:DescribeRouteTables"] }],
        LAYOUT,
        #[cfg(feature = "live")]
        fetch,
    );
}

impl Listed for RouteTable {
    const KEY: &'static str = "RouteTables";

    fn id(&self) -> &str {
        &self.route_table_id
    }
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    describe!(session, selection, describe_route_tables, SMALL_PAGE, RouteTable)
}

impl RouteTable {
    /// The route tables of a VPC.
    pub const BY_VPC: &'static QueryKind<Self> =
        &QueryKind::new("vpc-id", |id| id_filter("vpc-id", "vpc-", id), Some(|table| vec![&table.vpc_id]));

    /// The route table with an id.
    pub const BY_ID: &'static QueryKind<Self> = &QueryKind::new(
        "route-table-id",
        |id| id_filter("route-table-id", "rtb-", id),
        Some(|table| vec![&table.route_table_id]),
    );
}
