# What reading live state needs, for the function's role and for the member role alike. Makes nothing.

variable "partition" {
  description = "Partition of the account, such as `aws`."
  type        = string
}

variable "account" {
  description = "Account whose roles and policies can be read."
  type        = string
}

output "statements" {
  description = "Statements of an IAM policy."
  value = [
    {
      Sid    = "ReadReachability"
      Effect = "Allow"
      Action = [
        "ec2:DescribeInstances",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcBlockPublicAccessExclusions",
        "ec2:DescribeVpcBlockPublicAccessOptions",
        "ec2:DescribeVpcs",
        "ec2:GetManagedPrefixListEntries",
      ]
      # EC2's Describe calls know no resources.
      Resource = "*"
    },
    {
      Sid    = "ReadRoles"
      Effect = "Allow"
      Action = [
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
      ]
      Resource = "arn:${var.partition}:iam::${var.account}:role/*"
    },
    {
      Sid    = "ReadPolicies"
      Effect = "Allow"
      Action = ["iam:GetPolicy", "iam:GetPolicyVersion"]
      Resource = [
        "arn:${var.partition}:iam::${var.account}:policy/*",
        "arn:${var.partition}:iam::aws:policy/*",
      ]
    },
  ]
}
