//! One resource change of a plan, and the configuration behind it.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::{Value, json};

use super::UNKNOWN;
use crate::finding::derived_id;

/// The prefix of EC2 ids by Terraform resource type.
const PREFIXES: &[(&str, &str)] = &[
    ("aws_carrier_gateway", "cagw"),
    ("aws_default_network_acl", "acl"),
    ("aws_default_route_table", "rtb"),
    ("aws_default_security_group", "sg"),
    ("aws_default_subnet", "subnet"),
    ("aws_default_vpc", "vpc"),
    ("aws_ebs_snapshot", "snap"),
    ("aws_ec2_managed_prefix_list", "pl"),
    ("aws_ec2_transit_gateway", "tgw"),
    ("aws_egress_only_internet_gateway", "eigw"),
    ("aws_eip", "eipalloc"),
    ("aws_flow_log", "fl"),
    ("aws_instance", "i"),
    ("aws_internet_gateway", "igw"),
    ("aws_launch_template", "lt"),
    ("aws_network_acl", "acl"),
    ("aws_network_interface", "eni"),
    ("aws_route_table", "rtb"),
    ("aws_security_group", "sg"),
    ("aws_subnet", "subnet"),
    ("aws_vpc", "vpc"),
    ("aws_vpc_endpoint_service", "vpce-svc"),
    ("aws_vpc_peering_connection", "pcx"),
    ("aws_vpn_gateway", "vgw"),
];

/// The configuration of a plan: which expression sets an attribute.
pub(super) struct Configuration<'p> {
    /// The expressions of each resource, by its address without indices.
    expressions: HashMap<String, &'p Value>,
    /// The Region of the AWS provider, if it is a constant.
    region: Option<&'p str>,
    account: Option<&'p str>,
}

impl<'p> Configuration<'p> {
    pub(super) fn of(plan: &'p Value) -> Self {
        let mut expressions = HashMap::new();
        if let Some(root) = plan.pointer("/configuration/root_module") {
            collect(root, "", &mut expressions);
        }
        let providers = plan.pointer("/configuration/provider_config").and_then(Value::as_object);
        let provider = providers.and_then(|providers| {
            providers
                .values()
                .find(|one| one.get("name").and_then(Value::as_str) == Some("aws") && one.get("alias").is_none())
        });
        let region = provider.and_then(|provider| provider.pointer("/expressions/region/constant_value"));
        Self { expressions, region: region.and_then(Value::as_str), account: caller_account(plan) }
    }
}

/// The account id that `aws_caller_identity` returned when the plan was made.
fn caller_account(plan: &Value) -> Option<&str> {
    let resources = plan.pointer("/prior_state/values/root_module/resources")?.as_array()?;
    let identity =
        resources.iter().find(|one| one.get("type").and_then(Value::as_str) == Some("aws_caller_identity"))?;
    identity.pointer("/values/account_id")?.as_str()
}

fn collect<'p>(module: &'p Value, prefix: &str, expressions: &mut HashMap<String, &'p Value>) {
    for resource in module.get("resources").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(address), Some(found)) =
            (resource.get("address").and_then(Value::as_str), resource.get("expressions"))
        {
            expressions.insert(format!("{prefix}{address}"), found);
        }
    }
    for (name, call) in module.get("module_calls").and_then(Value::as_object).into_iter().flatten() {
        if let Some(inner) = call.get("module") {
            collect(inner, &format!("{prefix}module.{name}."), expressions);
        }
    }
}

/// A resource change.
pub(super) struct Change<'p> {
    pub(super) address: &'p str,
    /// The resource type.
    pub(super) kind: &'p str,
    actions: Vec<&'p str>,
    before: &'p Value,
    /// The planned values. Those that are not known are [`UNKNOWN`].
    after: Value,
    expressions: Option<&'p Value>,
    configuration: &'p Configuration<'p>,
    /// Stand-ins that were used, with the address of each resource.
    used: RefCell<Vec<(String, String)>>,
}

impl<'p> Change<'p> {
    pub(super) fn of(value: &'p Value, configuration: &'p Configuration<'p>) -> Option<Self> {
        static NOTHING: Value = Value::Null;
        let change = value.get("change")?;
        let actions: Option<Vec<&str>> = change.get("actions")?.as_array()?.iter().map(Value::as_str).collect();
        let address = value.get("address")?.as_str()?;
        let mut after = change.get("after").cloned().unwrap_or_default();
        if let Some(unknown) = change.get("after_unknown") {
            mask(&mut after, unknown);
        }
        Some(Self {
            address,
            kind: value.get("type")?.as_str()?,
            actions: actions?,
            before: change.get("before").unwrap_or(&NOTHING),
            after,
            expressions: configuration.expressions.get(&without_indices(address)).copied(),
            configuration,
            used: RefCell::default(),
        })
    }

    /// Whether applying the plan changes the resource. Data sources are read.
    pub(super) fn is_applied(&self) -> bool {
        self.actions.iter().any(|action| ["create", "update", "delete"].contains(action))
    }

    /// Whether the resource is created, or replaced.
    pub(super) fn is_new(&self) -> bool {
        self.actions.contains(&"create")
    }

    /// Whether the resource is deleted, and not replaced.
    pub(super) fn is_deleted(&self) -> bool {
        self.actions == ["delete"]
    }

    /// The account, from the values of the resource or from `aws_caller_identity`.
    pub(super) fn account(&self) -> Option<&str> {
        let arn = self.before.get("arn").and_then(Value::as_str);
        let of_arn = arn.and_then(|arn| arn.split(':').nth(4)).filter(|account| account.len() == 12);
        of_arn.or_else(|| self.before.get("owner_id")?.as_str()).or(self.configuration.account)
    }

    /// The Region, from the values of the resource or from the provider.
    pub(super) fn region(&self) -> Option<&str> {
        let own = self.after.get("region").or_else(|| self.before.get("region")).and_then(Value::as_str);
        own.filter(|region| *region != UNKNOWN).or(self.configuration.region)
    }

    /// The planned value of an attribute. Null counts as none.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.after.get(name).filter(|value| !value.is_null())
    }

    /// The planned text of an attribute.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The value that the resource has now.
    pub(super) fn now(&self, name: &str) -> Option<&Value> {
        self.before.get(name).filter(|value| !value.is_null())
    }

    /// Whether the attribute or block is set in the configuration. One that is not, and that AWS chooses, is unknown in the
    /// plan. Without the configuration, what is known counts as set.
    pub(super) fn is_set(&self, name: &str) -> bool {
        match self.expressions {
            Some(expressions) => {
                expressions.get(name).is_some() || self.get(name).is_some_and(|value| *value != UNKNOWN)
            }
            None => self.get(name).is_some(),
        }
    }

    /// Whether the configuration sets an attribute of a block. Without the configuration, all count as set.
    pub(super) fn is_set_in(&self, block: &str, name: &str) -> bool {
        let Some(blocks) = self.expressions.and_then(|expressions| expressions.get(block)) else { return true };
        match blocks {
            Value::Array(blocks) => blocks.iter().any(|block| block.get(name).is_some()),
            _ => true,
        }
    }

    /// All planned values.
    pub(super) fn planned(&self) -> &Value {
        &self.after
    }

    /// Whether the attribute gets another value than it has.
    pub(super) fn changes(&self, name: &str) -> bool {
        self.is_set(name) && (self.is_new() || self.get(name) != self.now(name))
    }

    /// The entries of a list of blocks that the resource does not have yet.
    pub(super) fn added(&self, name: &str) -> Vec<Value> {
        if !self.is_set(name) {
            return Vec::new();
        }
        match self.get(name) {
            Some(Value::Array(entries)) => {
                let now = if self.is_new() { None } else { self.now(name).and_then(Value::as_array) };
                let is_there = |entry: &&Value| now.is_some_and(|now| now.contains(entry));
                entries.iter().filter(|entry| !is_there(entry)).cloned().collect()
            }
            Some(unknown) => vec![unknown.clone()],
            None => Vec::new(),
        }
    }

    /// The id of the resource, or its stand-in.
    pub(super) fn id(&self) -> String {
        let id = self.now("id").and_then(Value::as_str).filter(|_| !self.is_new());
        id.map_or_else(|| self.stand_in(self.kind, self.address), str::to_owned)
    }

    /// The name of the resource, or its address while the name is not known.
    pub(super) fn name_or_address(&self, attribute: &str) -> String {
        self.text(attribute).filter(|name| *name != UNKNOWN).unwrap_or(self.address).to_owned()
    }

    /// The value of an attribute that refers to another resource: its id, the stand-in of the resource that the
    /// configuration names, or [`UNKNOWN`].
    pub(super) fn reference(&self, name: &str) -> Option<String> {
        let value = self.text(name)?;
        if value != UNKNOWN {
            return Some(value.to_owned());
        }
        let expression = self.expressions.and_then(|expressions| expressions.get(name));
        let mut references = Vec::new();
        if let Some(expression) = expression {
            collect_references(expression, &mut references);
        }
        Some(self.referred(&references, &[]))
    }

    /// The same for an attribute of the entries of a block, which refers to a resource of one of these types. All entries
    /// have to refer to the same resource, because the entries of a plan are not in the order of the configuration.
    pub(super) fn reference_in(&self, block: &str, entry: &Value, name: &str, types: &[&str]) -> Option<String> {
        let value = entry.get(name)?.as_str().filter(|value| !value.is_empty())?;
        if value != UNKNOWN {
            return Some(value.to_owned());
        }
        let mut references = Vec::new();
        match self.expressions.and_then(|expressions| expressions.get(block)) {
            Some(Value::Array(blocks)) => {
                blocks
                    .iter()
                    .filter_map(|block| block.get(name))
                    .for_each(|one| collect_references(one, &mut references));
            }
            // A block that is also an attribute lists the references of all its entries.
            Some(expression) => collect_references(expression, &mut references),
            None => {}
        }
        Some(self.referred(&references, types))
    }

    fn referred(&self, references: &[&str], types: &[&str]) -> String {
        let mut resources: Vec<(&str, String)> =
            references.iter().filter_map(|reference| self.resource_of(reference)).collect();
        resources.retain(|(kind, _)| types.is_empty() || types.contains(kind));
        resources.sort();
        resources.dedup();
        match resources.as_slice() {
            [(kind, address)] => self.stand_in(kind, address),
            _ => UNKNOWN.to_owned(),
        }
    }

    /// The type and address of the resource that a reference (`aws_vpc.main.id`) names, in the module of this one.
    fn resource_of<'r>(&self, reference: &'r str) -> Option<(&'r str, String)> {
        let (kind, rest) = reference.split_once('.')?;
        PREFIXES.iter().find(|(known, _)| *known == kind)?;
        let name = rest.split('.').next()?;
        let own = self.address.rfind(self.kind)?;
        let module = self.address.get(..own)?;
        Some((kind, format!("{module}{kind}.{name}")))
    }

    fn stand_in(&self, kind: &str, address: &str) -> String {
        let Some((_, prefix)) = PREFIXES.iter().find(|(known, _)| *known == kind) else { return address.to_owned() };
        let digits: String =
            derived_id(&["terraform", address]).chars().filter(char::is_ascii_hexdigit).take(17).collect();
        let stand_in = format!("{prefix}-{digits}");
        let mut used = self.used.borrow_mut();
        if !used.iter().any(|(known, _)| *known == stand_in) {
            used.push((stand_in.clone(), address.to_owned()));
        }
        stand_in
    }

    /// The stand-ins in the calls of the change, each with the address of the resource.
    pub(super) fn stand_ins(&self) -> Vec<(String, String)> {
        self.used.borrow().clone()
    }
}

/// The references of an expression.
fn collect_references<'p>(expression: &'p Value, references: &mut Vec<&'p str>) {
    let found = expression.get("references").and_then(Value::as_array).into_iter().flatten();
    references.extend(found.filter_map(Value::as_str));
}

/// Puts [`UNKNOWN`] where `unknown` is true. The plan leaves out such values.
fn mask(value: &mut Value, unknown: &Value) {
    match unknown {
        Value::Bool(true) => *value = UNKNOWN.into(),
        Value::Object(members) => {
            if value.is_null() && members.values().any(has_true) {
                *value = json!({});
            }
            if let Value::Object(values) = value {
                for (name, unknown) in members.iter().filter(|(_, unknown)| has_true(unknown)) {
                    mask(values.entry(name.clone()).or_insert(Value::Null), unknown);
                }
            }
        }
        Value::Array(elements) => {
            if value.is_null() && elements.iter().any(has_true) {
                *value = json!([]);
            }
            if let Value::Array(values) = value {
                for (place, unknown) in elements.iter().enumerate() {
                    if place >= values.len() {
                        values.push(Value::Null);
                    }
                    if let Some(value) = values.get_mut(place) {
                        mask(value, unknown);
                    }
                }
            }
        }
        _ => {}
    }
}

fn has_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Array(elements) => elements.iter().any(has_true),
        Value::Object(members) => members.values().any(has_true),
        _ => false,
    }
}

/// An address without the indices of `count` and `for_each`, which may contain dots and brackets in quotes.
fn without_indices(address: &str) -> String {
    let (mut plain, mut depth, mut is_quoted, mut is_escaped) = (String::new(), 0_usize, false, false);
    for character in address.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => depth += 1,
            ']' if !is_quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 && !is_quoted => plain.push(character),
            _ => {}
        }
    }
    plain
}
