//! An AWS in memory: one account and Region with one resource of each kind that actions change.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value, json};
use trailwarden::actions::ApiCall;
use trailwarden::remediation::{Cloud, CloudError, FailureKind};

/// The account and Region of the fixtures.
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-west-1";

/// The trust policy that the fixture of the role sets.
pub(crate) const OPEN_TRUST: &str = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": {\n    \"Effect\": \"Allow\",\n    \"Principal\": \"*\",\n    \"Action\": \"sts:AssumeRole\"\n  }\n}";

/// An AWS in memory.
#[derive(Debug)]
pub(crate) struct Aws {
    /// Resources by kind.
    pub(crate) state: Mutex<Value>,
    /// Every call that changes something, in order.
    pub(crate) acts: Mutex<Vec<ApiCall>>,
    /// Every call that reads.
    pub(crate) reads: Mutex<Vec<ApiCall>>,
    /// Failures of the next calls that change something; `None` lets one succeed.
    pub(crate) faults: Mutex<Vec<Option<Fault>>>,
    next_id: AtomicU32,
}

/// A failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// AWS throttles the call.
    Throttled,
    /// The role may not make the call.
    Denied,
    /// The call succeeds, and its response is lost.
    ResponseLost,
    /// The call succeeds, its response is lost, and AWS refuses it when it is sent again.
    MadeAndRefused,
    /// The call succeeds and lists what it did not do.
    Ignored,
    /// The process ends before the call.
    KilledBefore,
    /// The process ends after the call.
    KilledAfter,
}

fn error(failure: FailureKind, message: &str) -> CloudError {
    CloudError { failure, message: message.to_owned() }
}

fn missing() -> CloudError {
    error(FailureKind::Missing, "NotFound")
}

impl Default for Aws {
    fn default() -> Self {
        Self::new(world())
    }
}

impl Aws {
    pub(crate) fn new(state: Value) -> Self {
        Self {
            state: Mutex::new(state),
            acts: Mutex::default(),
            reads: Mutex::default(),
            faults: Mutex::default(),
            next_id: AtomicU32::new(100),
        }
    }

    pub(crate) fn state(&self) -> Value {
        self.state.lock().unwrap().clone()
    }

    /// Changes the state behind the remediator's back.
    pub(crate) fn change(&self, pointer: &str, value: Value) {
        *self.state.lock().unwrap().pointer_mut(pointer).unwrap() = value;
    }

    pub(crate) fn act_count(&self) -> usize {
        self.acts.lock().unwrap().len()
    }

    fn id(&self, prefix: &str) -> String {
        format!("{prefix}{:017x}", self.next_id.fetch_add(1, Ordering::Relaxed))
    }
}

impl Cloud for Aws {
    async fn read(&self, call: &ApiCall) -> Result<Value, CloudError> {
        self.reads.lock().unwrap().push(call.clone());
        read(&self.state.lock().unwrap(), call)
    }

    async fn act(&self, _: &str, call: &ApiCall) -> Result<Value, CloudError> {
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            if faults.is_empty() { None } else { faults.remove(0) }
        };
        match fault {
            Some(Fault::Throttled) => return Err(error(FailureKind::Transient, "RequestLimitExceeded")),
            Some(Fault::Denied) => return Err(error(FailureKind::Denied, "UnauthorizedOperation")),
            Some(Fault::Ignored) => return Ok(json!({"Return": true, "UnknownIpPermissions": [{}]})),
            Some(Fault::KilledBefore) => panic!("killed"),
            Some(Fault::ResponseLost | Fault::MadeAndRefused | Fault::KilledAfter) | None => {}
        }
        self.acts.lock().unwrap().push(call.clone());
        let response = self.change_state(call)?;
        if fault == Some(Fault::ResponseLost) {
            return Err(error(FailureKind::Transient, "the connection was closed"));
        }
        if fault == Some(Fault::MadeAndRefused) {
            return Err(error(FailureKind::Refused, "IncorrectVersion"));
        }
        assert_ne!(fault, Some(Fault::KilledAfter), "killed");
        Ok(response)
    }
}

/// One resource of each kind, as the fixtures of the rules leave it, beside others that nobody may touch.
pub(crate) fn world() -> Value {
    let rule = |id: &str, from: i64, to: i64, cidr: &str| {
        json!({"SecurityGroupRuleId": id, "GroupId": "sg-0aaa1111bbb22222c", "IsEgress": false, "IpProtocol": "tcp",
               "FromPort": from, "ToPort": to, "CidrIpv4": cidr, "Description": "for dana",
               "Tags": [{"Key": "team", "Value": "net"}]})
    };
    let mut world = json!({
        "Switch": "on",
        "Tags": {},
        "SecurityGroupRules": [
            rule("sgr-0123456789abcde01", 22, 22, "0.0.0.0/0"),
            rule("sgr-0123456789abcde09", 443, 443, "0.0.0.0/0"),
            rule("sgr-0123456789abcde08", 22, 22, "198.51.100.0/24"),
        ],
        "RouteTables": [{
            "RouteTableId": "rtb-0123456789abcdef0",
            "Routes": [
                {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable"},
                {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-0123456789abcdef0", "Origin": "CreateRoute", "State": "active"},
                {"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-0123456789abcdef0", "Origin": "CreateRoute", "State": "active"},
            ],
            "Associations": [{"RouteTableAssociationId": "rtbassoc-0123456789abcdef0",
                              "RouteTableId": "rtb-0123456789abcdef0", "SubnetId": "subnet-0123456789abcdef0"}],
        }],
        "Subnets": [
            {"SubnetId": "subnet-0123456789abcdef0", "MapPublicIpOnLaunch": true, "AssignIpv6AddressOnCreation": true},
            {"SubnetId": "subnet-0fffffffffffffff0", "MapPublicIpOnLaunch": true, "AssignIpv6AddressOnCreation": true},
        ],
        "Snapshots": {"snap-0123456789abcdef0": [{"UserId": "444455556666"}, {"Group": "all"}]},
        "Images": {"ami-0123456789abcdef0": [{"UserId": "444455556666"}, {"Group": "all"}]},
        "EndpointServices": {"vpce-svc-0123456789abcdef0": [{"Principal": "arn:aws:iam::444455556666:root"}, {"Principal": "*"}]},
        "Instances": [{"InstanceId": "i-0123456789abcdef0", "MetadataOptions": {"HttpTokens": "optional", "HttpEndpoint": "enabled"}}],
        "HttpTokens": "optional",
        "EbsEncryptionByDefault": false,
        "ImageBlockPublicAccessState": "unblocked",
        "SnapshotBlockPublicAccessState": "unblocked",
        "Exclusions": [{"ExclusionId": "vpcbpa-exclude-0123456789abcdef0", "State": "create-complete",
                        "ResourceArn": "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0123456789abcdef0",
                        "InternetGatewayExclusionMode": "allow-bidirectional"}],
        "NetworkAcls": [{"NetworkAclId": "acl-0123456789abcdef0", "Entries": [
            {"RuleNumber": 90, "Egress": false, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 22, "To": 22}},
            {"RuleNumber": 90, "Egress": true, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"},
            {"RuleNumber": 100, "Egress": false, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "10.0.0.0/8", "PortRange": {"From": 443, "To": 443}},
        ]}, {"NetworkAclId": "acl-0123456789abcdef1", "Entries": [
            {"RuleNumber": 90, "Egress": false, "Protocol": "6", "RuleAction": "allow", "Ipv6CidrBlock": "::/0", "PortRange": {"From": 3389, "To": 3389}},
        ]}],
        "PrefixLists": [{"PrefixListId": "pl-0123456789abcdef0", "Version": 5, "State": "modify-complete",
                         "Versions": {"4": [{"Cidr": "10.0.0.0/8"}], "5": [{"Cidr": "0.0.0.0/0"}, {"Cidr": "10.0.0.0/8"}]}}],
        "Addresses": [{"AllocationId": "eipalloc-0123456789abcdef0", "AssociationId": "eipassoc-0123456789abcdef0",
                       "NetworkInterfaceId": "eni-0123456789abcdef0", "PrivateIpAddress": "10.0.0.9"}],
        "InternetGateways": [{"InternetGatewayId": "igw-0123456789abcdef0", "Attachments": [{"VpcId": "vpc-0123456789abcdef0", "State": "available"}]}],
        "NetworkInterfaces": [{"NetworkInterfaceId": "eni-0123456789abcdef0", "Association": {"IpOwnerId": "amazon"}}],
        "VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-0123456789abcdef0", "Status": {"Code": "pending-acceptance"}}],
        "Trails": [{"TrailARN": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/team-trail", "Name": "team-trail",
                    "HomeRegion": "eu-west-1", "IsLogging": false}],
        "Recording": {"default": false},
        "Detectors": {"12abc34d567e8fa901bc2d34e56789f0": "DISABLED"},
        "EventRules": {"default/trailwarden-second-path": "DISABLED"},
        "Keys": {"0a1b2c3d-1111-4222-8333-444455556666": "PendingDeletion"},
        "Concurrency": {"trailwarden": 0},
        "Roles": {"ci-deploy": OPEN_TRUST},
    });
    world["History"] = history();
    world
}

/// What AWS Config recorded before the calls, by the id of the resource.
fn history() -> Value {
    let routes = json!({"routes": [
        {"destinationIpv6CidrBlock": "::/0", "egressOnlyInternetGatewayId": "eigw-0123456789abcdef0", "gatewayId": null},
    ]});
    let entries = json!({"entries": [
        {"ruleNumber": 90, "egress": false, "protocol": "6", "ruleAction": "allow", "cidrBlock": "10.0.0.0/8",
         "ipv6CidrBlock": null, "portRange": {"from": 3389, "to": 3389}},
    ]});
    json!({"rtb-0123456789abcdef0": routes.to_string(), "acl-0123456789abcdef1": entries.to_string()})
}

/// The text of a parameter or member.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// The elements of a list for which a member is one of the ids in a parameter; an error if one is missing, as in EC2.
fn by_ids(state: &Value, list: &str, member: &str, ids: &Value) -> Result<Value, CloudError> {
    let ids = ids.as_array().unwrap();
    let found: Vec<Value> = ids
        .iter()
        .filter_map(|id| state[list].as_array().unwrap().iter().find(|one| &one[member] == id))
        .cloned()
        .collect();
    if found.len() == ids.len() { Ok(json!({list: found})) } else { Err(missing()) }
}

fn read(state: &Value, call: &ApiCall) -> Result<Value, CloudError> {
    let parameters = &call.parameters;
    match (call.service.as_str(), call.operation.as_str()) {
        ("ssm", "GetParameter") => match state["Switch"].as_str() {
            Some(value) => Ok(json!({"Parameter": {"Value": value}})),
            None => Err(missing()),
        },
        ("organizations", "ListParents") => {
            let parent = match text(parameters, "ChildId") {
                ACCOUNT => "ou-ab12-dev00001",
                "ou-ab12-dev00001" => "r-ab12",
                _ => return Err(missing()),
            };
            Ok(json!({"Parents": [{"Id": parent}]}))
        }
        ("iam", "ListRoleTags") if call.account == "999900001111" => Ok(json!({"Tags": []})),
        _ if call.account != ACCOUNT || (call.region != REGION && call.service == "ec2") => Err(missing()),
        ("ec2", "DescribeTags") => {
            let id = parameters["Filters"][0]["Values"][0].as_str().unwrap();
            Ok(json!({"Tags": state["Tags"].get(id).cloned().unwrap_or_else(|| json!([]))}))
        }
        ("ec2", "DescribeSecurityGroupRules") => {
            let group = &parameters["Filters"][0]["Values"][0];
            let rules = state["SecurityGroupRules"].as_array().unwrap().iter().filter(|rule| &rule["GroupId"] == group);
            Ok(json!({"SecurityGroupRules": rules.collect::<Vec<_>>()}))
        }
        ("ec2", "DescribeRouteTables") => by_ids(state, "RouteTables", "RouteTableId", &parameters["RouteTableIds"]),
        ("ec2", "DescribeSubnets") => by_ids(state, "Subnets", "SubnetId", &parameters["SubnetIds"]),
        ("ec2", "DescribeSnapshotAttribute") => {
            let shared = state["Snapshots"].get(text(parameters, "SnapshotId")).ok_or_else(missing)?;
            Ok(json!({"CreateVolumePermissions": shared}))
        }
        ("ec2", "DescribeImageAttribute") => {
            let shared = state["Images"].get(text(parameters, "ImageId")).ok_or_else(missing)?;
            Ok(json!({"LaunchPermissions": shared}))
        }
        ("ec2", "DescribeVpcEndpointServicePermissions") => {
            let allowed = state["EndpointServices"].get(text(parameters, "ServiceId")).ok_or_else(missing)?;
            Ok(json!({"AllowedPrincipals": allowed}))
        }
        ("ec2", "DescribeInstances") => {
            let found = by_ids(state, "Instances", "InstanceId", &parameters["InstanceIds"])?;
            Ok(json!({"Reservations": [found]}))
        }
        ("ec2", "GetInstanceMetadataDefaults") => Ok(json!({"AccountLevel": {"HttpTokens": state["HttpTokens"]}})),
        ("ec2", "GetEbsEncryptionByDefault") => Ok(json!({"EbsEncryptionByDefault": state["EbsEncryptionByDefault"]})),
        ("ec2", "GetImageBlockPublicAccessState") => {
            Ok(json!({"ImageBlockPublicAccessState": state["ImageBlockPublicAccessState"]}))
        }
        ("ec2", "GetSnapshotBlockPublicAccessState") => Ok(json!({"State": state["SnapshotBlockPublicAccessState"]})),
        ("ec2", "DescribeVpcBlockPublicAccessExclusions") => {
            Ok(json!({"VpcBlockPublicAccessExclusions": state["Exclusions"]}))
        }
        ("ec2", "DescribeNetworkAcls") => by_ids(state, "NetworkAcls", "NetworkAclId", &parameters["NetworkAclIds"]),
        ("ec2", "DescribeManagedPrefixLists") => {
            by_ids(state, "PrefixLists", "PrefixListId", &parameters["PrefixListIds"])
        }
        ("ec2", "GetManagedPrefixListEntries") => {
            let lists = state["PrefixLists"].as_array().unwrap();
            let list =
                lists.iter().find(|list| list["PrefixListId"] == parameters["PrefixListId"]).ok_or_else(missing)?;
            let version = parameters.get("TargetVersion").unwrap_or(&list["Version"]).to_string();
            Ok(json!({"Entries": list["Versions"].get(version).ok_or_else(missing)?}))
        }
        ("ec2", "DescribeAddresses") => by_ids(state, "Addresses", "AllocationId", &parameters["AllocationIds"]),
        ("ec2", "DescribeInternetGateways") => {
            by_ids(state, "InternetGateways", "InternetGatewayId", &parameters["InternetGatewayIds"])
        }
        ("ec2", "DescribeNetworkInterfaces") => {
            by_ids(state, "NetworkInterfaces", "NetworkInterfaceId", &parameters["NetworkInterfaceIds"])
        }
        ("ec2", "DescribeVpcPeeringConnections") => {
            by_ids(state, "VpcPeeringConnections", "VpcPeeringConnectionId", &parameters["VpcPeeringConnectionIds"])
        }
        ("iam", "ListRoleTags") => Ok(json!({"Tags": []})),
        ("iam", "GetRole") => {
            let name = text(parameters, "RoleName");
            let document = state["Roles"].get(name).and_then(Value::as_str).ok_or_else(missing)?;
            let document = document.replace('%', "%25").replace('\n', "%0A").replace('"', "%22").replace('{', "%7B");
            Ok(json!({"Role": {"RoleName": name, "RoleId": "AROAEXAMPLE", "AssumeRolePolicyDocument": document}}))
        }
        ("config", "GetResourceConfigHistory") => {
            let configuration = state["History"].get(text(parameters, "resourceId")).ok_or_else(missing)?;
            Ok(json!({"configurationItems": [{"configuration": configuration}]}))
        }
        ("config", "DescribeConfigurationRecorderStatus") => {
            let name = parameters["ConfigurationRecorderNames"][0].as_str().unwrap();
            let recording = state["Recording"].get(name).ok_or_else(missing)?;
            Ok(json!({"ConfigurationRecordersStatus": [{"name": name, "recording": recording}]}))
        }
        ("guardduty", "GetDetector") => {
            Ok(json!({"Status": state["Detectors"].get(text(parameters, "DetectorId")).ok_or_else(missing)?}))
        }
        ("events", "DescribeRule") => {
            Ok(json!({"State": state["EventRules"].get(event_rule(parameters)).ok_or_else(missing)?}))
        }
        ("kms", "DescribeKey") => {
            let key = state["Keys"].get(text(parameters, "KeyId")).ok_or_else(missing)?;
            Ok(json!({"KeyMetadata": {"KeyState": key}}))
        }
        ("lambda", "GetFunctionConcurrency") => {
            Ok(json!({"ReservedConcurrentExecutions": state["Concurrency"][text(parameters, "FunctionName")]}))
        }
        ("cloudtrail", "ListTags") => Ok(json!({"ResourceTagList": [{"TagsList": []}]})),
        ("cloudtrail", operation) => {
            let name = text(parameters, "Name");
            let mut trails = state["Trails"].as_array().unwrap().iter();
            let trail = trails.find(|trail| trail["Name"] == name || trail["TrailARN"] == name).ok_or_else(missing)?;
            match operation {
                "GetTrail" => Ok(json!({"Trail": trail})),
                "GetTrailStatus" => Ok(json!({"IsLogging": trail["IsLogging"]})),
                _ => panic!("{operation} is not implemented"),
            }
        }
        (service, operation) => panic!("{service}:{operation} is not implemented"),
    }
}

/// The key of an event rule in the state.
fn event_rule(parameters: &Value) -> String {
    format!("{}/{}", text(parameters, "EventBusName"), text(parameters, "Name"))
}

/// The element of a list with an id.
fn found<'v>(state: &'v mut Value, list: &str, member: &str, id: &Value) -> Result<&'v mut Value, CloudError> {
    let elements = state[list].as_array_mut().unwrap();
    elements.iter_mut().find(|element| &element[member] == id).ok_or_else(missing)
}

/// Takes the elements that match out of a list; an error if none does.
fn remove(list: &mut Value, matches: impl Fn(&Value) -> bool) -> Result<(), CloudError> {
    let elements = list.as_array_mut().unwrap();
    let before = elements.len();
    elements.retain(|element| !matches(element));
    if elements.len() < before { Ok(()) } else { Err(missing()) }
}

fn only(value: &Value, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), value.get(*name)?.clone()))).collect()
}

impl Aws {
    fn change_state(&self, call: &ApiCall) -> Result<Value, CloudError> {
        assert_eq!(call.account, ACCOUNT);
        assert!(call.region == REGION || call.service == "iam", "{call:?}");
        let state = &mut *self.state.lock().unwrap();
        let parameters = &call.parameters;
        match (call.service.as_str(), call.operation.as_str()) {
            ("ec2", "RevokeSecurityGroupIngress") => {
                let ids = parameters["SecurityGroupRuleIds"].as_array().unwrap();
                for id in ids {
                    let is =
                        |rule: &Value| &rule["SecurityGroupRuleId"] == id && rule["GroupId"] == parameters["GroupId"];
                    remove(&mut state["SecurityGroupRules"], is)?;
                }
            }
            ("ec2", "AuthorizeSecurityGroupIngress") => {
                let permission = &parameters["IpPermissions"][0];
                let mut rule = only(permission, &["IpProtocol", "FromPort", "ToPort"]);
                let range = permission.get("IpRanges").unwrap_or(&permission["Ipv6Ranges"])[0].clone();
                rule.extend(only(&range, &["Description"]));
                for (from, to) in [("CidrIp", "CidrIpv4"), ("CidrIpv6", "CidrIpv6")] {
                    rule.extend(range.get(from).map(|cidr| (to.to_owned(), cidr.clone())));
                }
                rule.insert("Tags".to_owned(), parameters["TagSpecifications"][0]["Tags"].clone());
                rule.insert("GroupId".to_owned(), parameters["GroupId"].clone());
                rule.insert("IsEgress".to_owned(), false.into());
                rule.insert("SecurityGroupRuleId".to_owned(), self.id("sgr-").into());
                state["SecurityGroupRules"].as_array_mut().unwrap().push(Value::Object(rule));
            }
            ("ec2", "DeleteRoute") => {
                let table = found(state, "RouteTables", "RouteTableId", &parameters["RouteTableId"])?;
                remove(&mut table["Routes"], |route| {
                    route["DestinationCidrBlock"] == parameters["DestinationCidrBlock"]
                })?;
            }
            ("ec2", "CreateRoute") => {
                let table = found(state, "RouteTables", "RouteTableId", &parameters["RouteTableId"])?;
                let mut route = only(parameters, &["DestinationCidrBlock", "GatewayId"]);
                route.insert("Origin".to_owned(), "CreateRoute".into());
                route.insert("State".to_owned(), "active".into());
                table["Routes"].as_array_mut().unwrap().push(Value::Object(route));
            }
            ("ec2", "ReplaceRoute") => {
                let table = found(state, "RouteTables", "RouteTableId", &parameters["RouteTableId"])?;
                let routes = table["Routes"].as_array_mut().unwrap();
                let is =
                    |route: &&mut Value| route["DestinationIpv6CidrBlock"] == parameters["DestinationIpv6CidrBlock"];
                let route = routes.iter_mut().find(is).ok_or_else(missing)?;
                let targets = ["DestinationIpv6CidrBlock", "GatewayId", "EgressOnlyInternetGatewayId"];
                *route = Value::Object(only(parameters, &targets));
                route["Origin"] = "CreateRoute".into();
                route["State"] = "active".into();
            }
            ("ec2", "ReplaceNetworkAclEntry") => {
                let acl = found(state, "NetworkAcls", "NetworkAclId", &parameters["NetworkAclId"])?;
                let entries = acl["Entries"].as_array_mut().unwrap();
                let is = |entry: &&mut Value| {
                    entry["RuleNumber"] == parameters["RuleNumber"] && entry["Egress"] == parameters["Egress"]
                };
                let names =
                    ["RuleNumber", "Egress", "Protocol", "RuleAction", "CidrBlock", "Ipv6CidrBlock", "PortRange"];
                *entries.iter_mut().find(is).ok_or_else(missing)? = Value::Object(only(parameters, &names));
            }
            ("ec2", "ModifySubnetAttribute") => {
                let subnet = found(state, "Subnets", "SubnetId", &parameters["SubnetId"])?;
                for name in ["MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation"] {
                    if let Some(value) = parameters.get(name) {
                        subnet[name] = value["Value"].clone();
                    }
                }
            }
            ("ec2", "ModifySnapshotAttribute") => {
                share(&mut state["Snapshots"][text(parameters, "SnapshotId")], &parameters["CreateVolumePermission"])?;
            }
            ("ec2", "ModifyImageAttribute") => {
                share(&mut state["Images"][text(parameters, "ImageId")], &parameters["LaunchPermission"])?;
            }
            ("ec2", "ModifyVpcEndpointServicePermissions") => {
                let allowed = &mut state["EndpointServices"][text(parameters, "ServiceId")];
                if parameters.get("RemoveAllowedPrincipals").is_some() {
                    remove(allowed, |one| one["Principal"] == "*")?;
                } else {
                    allowed.as_array_mut().unwrap().push(json!({"Principal": "*"}));
                }
            }
            ("ec2", "ModifyInstanceMetadataOptions") => {
                let instance = found(state, "Instances", "InstanceId", &parameters["InstanceId"])?;
                instance["MetadataOptions"]["HttpTokens"] = parameters["HttpTokens"].clone();
            }
            ("ec2", "ModifyInstanceMetadataDefaults") => state["HttpTokens"] = parameters["HttpTokens"].clone(),
            ("ec2", "EnableEbsEncryptionByDefault") => state["EbsEncryptionByDefault"] = true.into(),
            ("ec2", "DisableEbsEncryptionByDefault") => state["EbsEncryptionByDefault"] = false.into(),
            ("ec2", "EnableImageBlockPublicAccess") => {
                state["ImageBlockPublicAccessState"] = parameters["ImageBlockPublicAccessState"].clone();
            }
            ("ec2", "DisableImageBlockPublicAccess") => state["ImageBlockPublicAccessState"] = "unblocked".into(),
            ("ec2", "EnableSnapshotBlockPublicAccess") => {
                state["SnapshotBlockPublicAccessState"] = parameters["State"].clone();
            }
            ("ec2", "DisableSnapshotBlockPublicAccess") => state["SnapshotBlockPublicAccessState"] = "unblocked".into(),
            ("ec2", "DeleteVpcBlockPublicAccessExclusion") => {
                remove(&mut state["Exclusions"], |one| one["ExclusionId"] == parameters["ExclusionId"])?;
            }
            ("ec2", "CreateVpcBlockPublicAccessExclusion") => {
                let arn = format!("arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/{}", text(parameters, "VpcId"));
                let exclusion = json!({"ExclusionId": self.id("vpcbpa-exclude-"), "State": "create-complete",
                    "ResourceArn": arn, "InternetGatewayExclusionMode": parameters["InternetGatewayExclusionMode"]});
                state["Exclusions"].as_array_mut().unwrap().push(exclusion);
            }
            ("ec2", "DeleteNetworkAclEntry") => {
                let acl = found(state, "NetworkAcls", "NetworkAclId", &parameters["NetworkAclId"])?;
                remove(&mut acl["Entries"], |entry| {
                    entry["RuleNumber"] == parameters["RuleNumber"] && entry["Egress"] == parameters["Egress"]
                })?;
            }
            ("ec2", "CreateNetworkAclEntry") => {
                let acl = found(state, "NetworkAcls", "NetworkAclId", &parameters["NetworkAclId"])?;
                let names =
                    ["RuleNumber", "Egress", "Protocol", "RuleAction", "CidrBlock", "Ipv6CidrBlock", "PortRange"];
                acl["Entries"].as_array_mut().unwrap().push(Value::Object(only(parameters, &names)));
            }
            ("ec2", "RestoreManagedPrefixListVersion") => {
                let list = found(state, "PrefixLists", "PrefixListId", &parameters["PrefixListId"])?;
                assert_eq!(list["Version"], parameters["CurrentVersion"]);
                let entries = list["Versions"][parameters["PreviousVersion"].to_string()].clone();
                let version = list["Version"].as_u64().unwrap() + 1;
                list["Version"] = version.into();
                list["Versions"][version.to_string()] = entries;
            }
            ("ec2", "DisassociateAddress") => {
                let address = found(state, "Addresses", "AssociationId", &parameters["AssociationId"])?;
                *address = Value::Object(only(address, &["AllocationId"]));
            }
            ("ec2", "AssociateAddress") => {
                let id = self.id("eipassoc-");
                let address = found(state, "Addresses", "AllocationId", &parameters["AllocationId"])?;
                *address = parameters.clone();
                address["AssociationId"] = id.into();
            }
            ("ec2", "DetachInternetGateway") => {
                let gateway = found(state, "InternetGateways", "InternetGatewayId", &parameters["InternetGatewayId"])?;
                remove(&mut gateway["Attachments"], |one| one["VpcId"] == parameters["VpcId"])?;
            }
            ("ec2", "AttachInternetGateway") => {
                let gateway = found(state, "InternetGateways", "InternetGatewayId", &parameters["InternetGatewayId"])?;
                gateway["Attachments"] = json!([{"VpcId": parameters["VpcId"], "State": "available"}]);
            }
            ("ec2", "DisassociateRouteTable") => {
                let tables = state["RouteTables"].as_array_mut().unwrap();
                remove(&mut tables[0]["Associations"], |one| {
                    one["RouteTableAssociationId"] == parameters["AssociationId"]
                })?;
            }
            ("ec2", "AssociateRouteTable") => {
                let id = self.id("rtbassoc-");
                let table = found(state, "RouteTables", "RouteTableId", &parameters["RouteTableId"])?;
                let mut association = parameters.clone();
                association["RouteTableAssociationId"] = id.into();
                table["Associations"].as_array_mut().unwrap().push(association);
            }
            ("ec2", "ModifyNetworkInterfaceAttribute") => {
                let id = &parameters["NetworkInterfaceId"];
                let interface = found(state, "NetworkInterfaces", "NetworkInterfaceId", id)?;
                *interface = json!({"NetworkInterfaceId": id});
                if parameters["AssociatePublicIpAddress"] == true {
                    interface["Association"] = json!({"IpOwnerId": "amazon"});
                }
            }
            ("ec2", "RejectVpcPeeringConnection") => {
                let id = &parameters["VpcPeeringConnectionId"];
                let peering = found(state, "VpcPeeringConnections", "VpcPeeringConnectionId", id)?;
                peering["Status"]["Code"] = "rejected".into();
            }
            ("config", "StartConfigurationRecorder") => {
                state["Recording"][text(parameters, "ConfigurationRecorderName")] = true.into();
            }
            ("guardduty", "UpdateDetector") => {
                assert_eq!(parameters["Enable"], true);
                state["Detectors"][text(parameters, "DetectorId")] = "ENABLED".into();
            }
            ("events", "EnableRule") => state["EventRules"][event_rule(parameters)] = "ENABLED".into(),
            ("kms", "CancelKeyDeletion") => {
                let key = &mut state["Keys"][text(parameters, "KeyId")];
                assert_eq!(*key, "PendingDeletion");
                *key = "Disabled".into();
            }
            ("kms", "EnableKey") => {
                let key = &mut state["Keys"][text(parameters, "KeyId")];
                assert_eq!(*key, "Disabled");
                *key = "Enabled".into();
            }
            ("lambda", "DeleteFunctionConcurrency") => {
                state["Concurrency"][text(parameters, "FunctionName")] = Value::Null;
            }
            ("iam", "UpdateAssumeRolePolicy") => {
                let role = state["Roles"].get_mut(text(parameters, "RoleName")).ok_or_else(missing)?;
                *role = parameters["PolicyDocument"].clone();
            }
            ("cloudtrail", "StartLogging") => {
                found(state, "Trails", "TrailARN", &parameters["Name"])?["IsLogging"] = true.into();
            }
            (service, operation) => panic!("{service}:{operation} is not implemented"),
        }
        Ok(json!({"Return": true}))
    }
}

fn share(shared: &mut Value, change: &Value) -> Result<(), CloudError> {
    if shared.is_null() {
        return Err(missing());
    }
    if change.get("Remove").is_some() {
        return remove(shared, |one| one["Group"] == "all");
    }
    shared.as_array_mut().unwrap().push(json!({"Group": "all"}));
    Ok(())
}
