//! Deletes a route to an internet gateway that a call created.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::ec2::{act, by_id, list, response, single, text};
use super::{Action, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "delete-route",
    summary: "Deletes the route to the internet gateway that the call created.",
    precondition: "The route table has a route with that destination to that gateway.",
    rules: &["route-to-igw"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("route_table_id"),
    arguments: &[
        Argument { name: "route_table_id", kind: ArgumentKind::Id("rtb-") },
        Argument { name: "destination", kind: ArgumentKind::Destination },
        Argument { name: "gateway_id", kind: ArgumentKind::Id("igw-") },
    ],
    requested,
    next_read: |target, responses| {
        single(responses, || by_id(target, "DescribeRouteTables", "RouteTableIds", "route_table_id"))
    },
    state: |target, responses| route(target, responses).cloned().unwrap_or_default(),
    expected: |target| {
        let destination = target.text("destination");
        let [v4, v6, list] = DESTINATIONS;
        let name = match destination.parse::<IpNet>() {
            Ok(IpNet::V4(_)) => v4,
            Ok(IpNet::V6(_)) => v6,
            Err(_) => list,
        };
        let route = json!({name: destination, "GatewayId": target.text("gateway_id"), "Origin": "CreateRoute"});
        vec![json!({"RouteTables": [{"RouteTableId": target.text("route_table_id"), "Routes": [route]}]})]
    },
    decide,
    permissions: &[
        IamStatement { actions: &["ec2:DescribeRouteTables", "ec2:DescribeTags"], resources: &["*"], conditions: &[] },
        IamStatement {
            actions: &["ec2:DeleteRoute"],
            resources: &["arn:{partition}:ec2:{region}:{account}:route-table/*"],
            conditions: &[],
        },
    ],
};

/// Member of a described route, and parameter of the calls, for each kind of destination.
const DESTINATIONS: [&str; 3] = ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if source.is("CreateRoute") { arguments(source) } else { None }
}

/// The table, the destination and the gateway in a record.
pub(super) fn arguments(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    let destination = ["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"]
        .into_iter()
        .find_map(|name| source.text(&format!("ec2.request.{name}")))?;
    let mut arguments =
        source.all(&[("route_table_id", "ec2.request.routeTableId"), ("gateway_id", "ec2.request.gatewayId")])?;
    // EC2 masks the host bits of networks.
    let masked = destination.parse::<IpNet>().map(|network| network.trunc().to_string());
    arguments.insert("destination".to_owned(), masked.unwrap_or(destination).into());
    Some(arguments)
}

/// The route with the destination. Its target may be another than in the record.
fn route<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v Value> {
    let destination = target.text("destination");
    let tables = list(response(responses), "RouteTables").iter();
    let table = tables.into_iter().find(|table| text(table, "RouteTableId") == target.text("route_table_id"))?;
    list(table, "Routes").iter().find(|route| DESTINATIONS.iter().any(|name| text(route, name) == destination))
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let (table, gateway) = (target.text("route_table_id"), target.text("gateway_id"));
    let Some(route) = route(target, responses) else {
        return NextStep::NothingToDo(format!("{table} has no such route."));
    };
    let is_created = text(route, "Origin") == "CreateRoute";
    if text(route, "GatewayId") != gateway || !is_created {
        return NextStep::Differs(format!("The route of {table} has another target than {gateway}."));
    }
    let destination = target.text("destination");
    let name = DESTINATIONS.into_iter().find(|name| text(route, name) == destination).unwrap_or_default();
    let delete = json!({"RouteTableId": table, name: destination});
    let create = json!({"RouteTableId": table, name: destination, "GatewayId": gateway});
    act(target.ec2("DeleteRoute", delete), target.ec2("CreateRoute", create))
}
