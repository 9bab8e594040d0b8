//! Listeners of load balancers.

use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, Parameters, calls, object, texts, wire};
use crate::network::{Traffic, TrafficKind, services_in};

/// The ports on which a load balancer listens after a call.
pub(in crate::facts) const LISTENER: Fact = Fact {
    name: "exposure.listener",
    calls: Calls::These(&[
        (calls::ELB, "CreateListener"),
        (calls::ELB, "ModifyListener"),
        (calls::ELB, "CreateLoadBalancerListeners"),
        (calls::ELB, "CreateLoadBalancer"),
    ]),
    doc: "The ports on which a load balancer listens after CreateListener, ModifyListener, CreateLoadBalancerListeners or \
          CreateLoadBalancer (classic). `kind` is the kind of the most severe port: all, admin, database, high-risk, other \
          or web. `services` are the services on these ports, `ports` the ports, and `summary` both in words. Absent if the \
          call names no port or creates an internal load balancer.",
    derivation: Derivation::FromRecord(listener),
};

fn listener<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let request = wire::request(event)?;
    if request.text_of("scheme").is_some_and(|scheme| scheme.eq_ignore_ascii_case("internal")) {
        return None;
    }
    let mut listeners = request.list("listeners");
    listeners.push(request);
    let (mut traffic, mut ports) = (Traffic::default(), Vec::new());
    for listener in &listeners {
        let Some(port) = listener.first_of(&["loadBalancerPort", "port"]).and_then(|port| port.number()) else {
            continue;
        };
        for protocol in transports(listener) {
            traffic |= &Traffic::permitted(protocol, port, port)?;
        }
        ports.push(port.to_string());
    }
    let kind = TrafficKind::of(&traffic)?;
    let services = services_in(&traffic);
    let names = if services.is_empty() { String::new() } else { format!(" ({})", services.join(", ")) };
    let summary = format!("{}{names}", traffic.words().join(", "));
    Some(object([
        ("kind", Value::from(kind.as_str())),
        ("services", texts(services)),
        ("ports", texts(ports)),
        ("summary", Value::from(summary)),
    ]))
}

/// The transport protocols of the listener's protocol. Both if the call omits it.
fn transports(listener: &Parameters<'_>) -> &'static [&'static str] {
    let protocol = listener.text_of("protocol").map(|protocol| protocol.to_ascii_uppercase());
    match protocol.as_deref() {
        None | Some("TCP_UDP" | "TCP_QUIC") => &["tcp", "udp"],
        Some("UDP" | "QUIC" | "GENEVE") => &["udp"],
        Some(_) => &["tcp"],
    }
}
