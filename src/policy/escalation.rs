//! Privilege escalations: permissions by which a role can get any permission.
//!
//! Sources: Rhino Security Labs, "AWS IAM Privilege Escalation – Methods and Mitigation", and Datadog's pathfinding.cloud, as of
//! November 2026. Some change IAM itself, some pass a role to a service and run code as that role, and some take over a
//! workload that has a role. Services that AWS has shut down (CodeStar) are not included.

/// A set of permissions that suffices for an escalation.
#[derive(Debug)]
pub(super) struct Escalation {
    /// The service to which a role is passed, as the first part of its host name. `iam:PassRole` is then required too.
    pub(super) passed_to: Option<&'static str>,
    /// The required permissions: one of each group.
    pub(super) required: &'static [&'static [&'static str]],
}

const fn by(required: &'static [&'static [&'static str]]) -> Escalation {
    Escalation { passed_to: None, required }
}

const fn passing(service: &'static str, required: &'static [&'static [&'static str]]) -> Escalation {
    Escalation { passed_to: Some(service), required }
}

/// All known escalations.
pub(super) const ESCALATIONS: &[Escalation] = &[
    // Permissions, credentials and trust.
    by(&[&["iam:AttachRolePolicy"]]),
    by(&[&["iam:AttachUserPolicy"]]),
    by(&[&["iam:AttachGroupPolicy"]]),
    by(&[&["iam:PutRolePolicy"]]),
    by(&[&["iam:PutUserPolicy"]]),
    by(&[&["iam:PutGroupPolicy"]]),
    by(&[&["iam:CreatePolicyVersion"]]),
    by(&[&["iam:SetDefaultPolicyVersion"]]),
    by(&[&["iam:AddUserToGroup"]]),
    by(&[&["iam:CreateAccessKey"]]),
    by(&[&["iam:CreateLoginProfile"]]),
    by(&[&["iam:UpdateLoginProfile"]]),
    by(&[&["iam:UpdateAssumeRolePolicy"]]),
    by(&[&["sts:AssumeRole"]]),
    // Code that runs as a role that is passed.
    passing("ec2", &[&["ec2:RunInstances", "ec2:RequestSpotInstances", "ec2:RequestSpotFleet", "ec2:CreateFleet"]]),
    passing(
        "ec2",
        &[
            &["ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "autoscaling:CreateLaunchConfiguration"],
            &["autoscaling:CreateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup"],
        ],
    ),
    passing(
        "lambda",
        &[
            &["lambda:CreateFunction"],
            &["lambda:InvokeFunction", "lambda:CreateEventSourceMapping", "lambda:AddPermission"],
        ],
    ),
    passing(
        "ecs-tasks",
        &[&["ecs:RegisterTaskDefinition"], &["ecs:RunTask", "ecs:StartTask", "ecs:CreateService", "ecs:UpdateService"]],
    ),
    passing("ecs-tasks", &[&["batch:RegisterJobDefinition"], &["batch:SubmitJob"]]),
    passing("glue", &[&["glue:CreateDevEndpoint"]]),
    passing("glue", &[&["glue:CreateJob", "glue:UpdateJob"], &["glue:StartJobRun", "glue:CreateTrigger"]]),
    passing("glue", &[&["glue:CreateSession"], &["glue:RunStatement"]]),
    passing(
        "sagemaker",
        &[
            &["sagemaker:CreateNotebookInstance"],
            &["sagemaker:CreatePresignedNotebookInstanceUrl", "sagemaker:CreateNotebookInstanceLifecycleConfig"],
        ],
    ),
    passing("sagemaker", &[&["sagemaker:CreateTrainingJob", "sagemaker:CreateProcessingJob"]]),
    passing("cloudformation", &[&["cloudformation:CreateStack", "cloudformation:UpdateStackSet"]]),
    passing("cloudformation", &[&["cloudformation:CreateStackSet"], &["cloudformation:CreateStackInstances"]]),
    passing(
        "datapipeline",
        &[
            &["datapipeline:CreatePipeline"],
            &["datapipeline:PutPipelineDefinition"],
            &["datapipeline:ActivatePipeline"],
        ],
    ),
    passing("elasticmapreduce", &[&["elasticmapreduce:RunJobFlow"]]),
    passing(
        "codebuild",
        &[
            &["codebuild:CreateProject", "codebuild:UpdateProject"],
            &["codebuild:StartBuild", "codebuild:StartBuildBatch"],
        ],
    ),
    passing("tasks.apprunner", &[&["apprunner:CreateService", "apprunner:UpdateService"]]),
    passing(
        "states",
        &[
            &["states:CreateStateMachine", "states:UpdateStateMachine"],
            &["states:StartExecution", "states:StartSyncExecution"],
        ],
    ),
    passing("scheduler", &[&["scheduler:CreateSchedule", "scheduler:UpdateSchedule"]]),
    passing("ssm", &[&["ssm:StartAutomationExecution"]]),
    passing(
        "bedrock-agentcore",
        &[&["bedrock-agentcore:CreateCodeInterpreter"], &["bedrock-agentcore:InvokeCodeInterpreter"]],
    ),
    // Workloads that have a role.
    by(&[&["lambda:UpdateFunctionCode"]]),
    by(&[&["lambda:UpdateFunctionConfiguration"]]),
    by(&[&["ec2:ModifyInstanceAttribute"], &["ec2:StopInstances"], &["ec2:StartInstances"]]),
    by(&[&["ec2:CreateLaunchTemplateVersion"], &["ec2:ModifyLaunchTemplate"]]),
    by(&[&["ec2-instance-connect:SendSSHPublicKey"]]),
    by(&[&["ssm:SendCommand"]]),
    by(&[&["ssm:StartSession"]]),
    by(&[&["ecs:ExecuteCommand"]]),
    by(&[&["cloudformation:UpdateStack"]]),
    by(&[&["cloudformation:CreateChangeSet"], &["cloudformation:ExecuteChangeSet"]]),
    by(&[&["codebuild:StartBuild", "codebuild:StartBuildBatch"]]),
    by(&[&["glue:UpdateDevEndpoint"]]),
    by(&[&["sagemaker:CreatePresignedNotebookInstanceUrl"]]),
    by(&[
        &["sagemaker:CreateNotebookInstanceLifecycleConfig"],
        &["sagemaker:StopNotebookInstance"],
        &["sagemaker:UpdateNotebookInstance"],
        &["sagemaker:StartNotebookInstance"],
    ]),
    by(&[&["bedrock-agentcore:StartCodeInterpreterSession"], &["bedrock-agentcore:InvokeCodeInterpreter"]]),
];

/// ARN endings of an invented resource. No policy names it, so a role with a permission for it has the permission for all
/// resources of this type.
macro_rules! any {
    ($($kind:literal),*) => {
        &[$(concat!($kind, "trailwarden-any")),*]
    };
}

/// The resources to which a permission applies: the service in their ARNs, whether the ARNs contain a Region, and the last
/// part of each ARN. For a permission that applies to several types, these are the types that policies usually limit.
pub(super) fn resources(action: &str) -> (&'static str, bool, &'static [&'static str]) {
    let (service, operation) = action.split_once(':').unwrap_or((action, ""));
    let regional: (&'static str, &'static [&'static str]) = match service {
        "iam" | "sts" => {
            let resources = match operation {
                "CreatePolicyVersion" | "SetDefaultPolicyVersion" => any!("policy/"),
                "CreateAccessKey" | "CreateLoginProfile" | "UpdateLoginProfile" => any!("user/"),
                "AttachUserPolicy" | "PutUserPolicy" => any!("user/"),
                "AttachGroupPolicy" | "PutGroupPolicy" | "AddUserToGroup" => any!("group/"),
                _ => any!("role/"),
            };
            return ("iam", false, resources);
        }
        "apprunner" => ("apprunner", any!("service/trailwarden-any/")),
        "autoscaling" => (
            "autoscaling",
            any!("autoScalingGroup:*:autoScalingGroupName/", "launchConfiguration:*:launchConfigurationName/"),
        ),
        "batch" => ("batch", any!("job-definition/", "job-queue/")),
        "bedrock-agentcore" => ("bedrock-agentcore", any!("code-interpreter/", "code-interpreter-custom/")),
        "cloudformation" => ("cloudformation", any!("stack/trailwarden-any/", "stackset/trailwarden-any:")),
        "codebuild" => ("codebuild", any!("project/")),
        "datapipeline" => ("datapipeline", any!("pipeline/")),
        "ec2" if operation.contains("LaunchTemplate") => ("ec2", any!("launch-template/")),
        "ec2" | "ec2-instance-connect" => ("ec2", any!("instance/")),
        "ecs" => ("ecs", any!("task-definition/", "service/trailwarden-any/", "task/trailwarden-any/", "cluster/")),
        "elasticmapreduce" => ("elasticmapreduce", any!("cluster/")),
        "glue" => ("glue", any!("job/", "devEndpoint/", "session/", "trigger/")),
        "lambda" => ("lambda", any!("function:", "event-source-mapping:")),
        "sagemaker" => (
            "sagemaker",
            any!("notebook-instance/", "training-job/", "processing-job/", "notebook-instance-lifecycle-config/"),
        ),
        "scheduler" => ("scheduler", any!("schedule/default/")),
        "ssm" if operation == "StartAutomationExecution" => ("ssm", any!("automation-definition/", "document/")),
        "ssm" => ("ec2", any!("instance/")),
        _ => ("states", any!("stateMachine:")),
    };
    (regional.0, true, regional.1)
}
