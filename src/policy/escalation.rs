//! Permissions by which their holder gives itself or others whatever it wants.
//!
//! After Rhino Security Labs, "AWS IAM Privilege Escalation – Methods and Mitigation", and Datadog's pathfinding.cloud, as of
//! November 2026. Some take control of IAM itself, some pass a role to a service and run code as that role, and some take
//! over a workload that has a role. Left out are services that AWS has shut down (CodeStar).

/// A set of permissions that is enough.
#[derive(Debug)]
pub(super) struct Escalation {
    /// The service that a role is passed to, as the first part of its host name; then `iam:PassRole` is needed too.
    pub(super) passed_to: Option<&'static str>,
    /// What is needed: of each group one.
    pub(super) needs: &'static [&'static [&'static str]],
}

const fn by(needs: &'static [&'static [&'static str]]) -> Escalation {
    Escalation { passed_to: None, needs }
}

const fn passing(service: &'static str, needs: &'static [&'static [&'static str]]) -> Escalation {
    Escalation { passed_to: Some(service), needs }
}

/// Every set.
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

/// The name of a resource that nobody would allow by its name: whoever may do something with it may do it with any.
macro_rules! any {
    ($($kind:literal),*) => {
        &[$(concat!($kind, "trailwarden-any")),*]
    };
}

/// The resources that a permission may be about: the service in their ARNs, whether they are in a region, and the last
/// part of the ARN. For one that needs several resources they are those that people limit.
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
