"""An instance on the internet in the emulated EC2, with everything that is on the way to it, and what takes it away."""

from __future__ import annotations

from typing import Any

import boto3

REGION = "eu-west-1"


class Network:
    """A VPC with gateway, routes, group, network ACL, and an instance with addresses of both IP versions."""

    def __init__(self, endpoint: str, access_key: str = "AKIAEXAMPLEKEYID0001") -> None:
        session = boto3.Session(access_key, "example", region_name=REGION)
        self.ec2: Any = session.client("ec2", endpoint_url=endpoint)
        ec2 = self.ec2
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        self.vpc = vpc["VpcId"]
        block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24", Ipv6CidrBlock=block)["Subnet"]["SubnetId"]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway)
        ec2.create_route(RouteTableId=self.table, DestinationIpv6CidrBlock="::/0", GatewayId=self.gateway)
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)
        self.group = ec2.create_security_group(GroupName="bastion", Description="bastion", VpcId=self.vpc)["GroupId"]
        self.authorize(IpRanges=[{"CidrIp": "0.0.0.0/0"}])
        self.authorize(Ipv6Ranges=[{"CidrIpv6": "::/0"}])
        image = ec2.describe_images()["Images"][0]["ImageId"]
        started = ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, SubnetId=self.subnet, SecurityGroupIds=[self.group]
        )
        self.instance = started["Instances"][0]["InstanceId"]
        self.interface = started["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
        address = ec2.allocate_address(Domain="vpc")
        self.address, self.allocation = address["PublicIp"], address["AllocationId"]
        ec2.associate_address(AllocationId=self.allocation, InstanceId=self.instance)
        ec2.assign_ipv6_addresses(NetworkInterfaceId=self.interface, Ipv6AddressCount=1)
        of_vpc = [{"Name": "vpc-id", "Values": [self.vpc]}]
        self.acl = ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"][0]["NetworkAclId"]
        for egress in (False, True):
            ec2.create_network_acl_entry(
                NetworkAclId=self.acl, RuleNumber=101, Protocol="-1", RuleAction="allow", Egress=egress, Ipv6CidrBlock="::/0"
            )

    def start_in_public_subnet(self) -> str:
        """An instance to which its subnet gives a public address."""
        subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        image = self.ec2.describe_images()["Images"][0]["ImageId"]
        started = self.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)
        return str(started["Instances"][0]["InstanceId"])

    def _permission(self, ranges: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **ranges}]

    def authorize(self, **ranges: Any) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=self._permission(ranges))

    def revoke(self, **ranges: Any) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=self.group, IpPermissions=self._permission(ranges))

    def deny(self, egress: bool, **cidr: str) -> None:
        self.ec2.create_network_acl_entry(
            NetworkAclId=self.acl, RuleNumber=1, Protocol="-1", RuleAction="deny", Egress=egress, **cidr
        )

    def allow_again(self, egress: bool) -> None:
        self.ec2.delete_network_acl_entry(NetworkAclId=self.acl, RuleNumber=1, Egress=egress)
