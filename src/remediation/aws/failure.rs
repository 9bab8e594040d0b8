//! Errors of the SDK as failures of calls.

use std::error::Error;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

use crate::actions::ApiCall;
use crate::aws::{assume_role_error, error_chain, service_error};
use crate::remediation::traits::{CloudError, FailureKind};

/// Error codes for resources that do not exist, beside those that contain `NotFound` or begin with `NoSuch`.
const MISSING: [&str; 4] = [
    "Gateway.NotAttached",
    "InvalidAMIID.Unavailable",
    // AWS Config has no history, because it does not record the resource or nothing at all.
    "NoAvailableConfigurationRecorderException",
    "ResourceNotDiscoveredException",
];

/// Error codes for missing permission.
const DENIED: [&str; 8] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "InvalidClientTokenId",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// Error codes after which the same call may succeed. `IncorrectState` is a resource that another call is changing.
const TRANSIENT: [&str; 19] = [
    "ConcurrentModification",
    "ConcurrentModificationException",
    "ConflictException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncorrectState",
    "InternalError",
    "InternalFailure",
    "PriorRequestNotComplete",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "ServiceUnavailable",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "Unavailable",
];

/// The failure of a call.
pub(super) fn of<E>(call: &ApiCall, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (failure, reason) = match error {
        SdkError::ServiceError(response) => {
            let status = response.raw().status();
            let code = response.err().code().map_or_else(|| format!("HTTP status {}", status.as_u16()), str::to_owned);
            let message = response.err().message();
            (kind(&code, message, status.is_server_error()), service_error(&code, message))
        }
        SdkError::TimeoutError(_) => (FailureKind::Transient, "no response in time".to_owned()),
        SdkError::ConstructionFailure(_) => (FailureKind::Refused, error_chain(error)),
        // The credentials of the role in another account are obtained with the first call.
        other => match assume_role_error(other) {
            Some(denied) => {
                let code = denied.code().unwrap_or("no error code");
                let reason = format!("the role in account {}: {}", call.account, service_error(code, denied.message()));
                (kind(code, denied.message(), false), reason)
            }
            None => (FailureKind::Transient, error_chain(other)),
        },
    };
    CloudError { failure, message: format!("{}: {reason}", call.iam_action()) }
}

/// Error code and message of a failed request, or why there is no response. `action` is the name in IAM.
pub(super) fn sentence<E>(action: &str, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let reason = match error.as_service_error() {
        Some(refusal) => service_error(refusal.code().unwrap_or("no error code"), refusal.message()),
        None => error_chain(error),
    };
    format!("{action}: {reason}")
}

/// The failure of a call with parameters that are not as the API has them.
pub(super) fn malformed(call: &ApiCall, error: &str) -> CloudError {
    CloudError {
        failure: FailureKind::Refused,
        message: format!("{}: the parameters are malformed: {error}", call.iam_action()),
    }
}

/// The failure of a call that this version cannot make.
pub(super) fn unsupported(call: &ApiCall) -> CloudError {
    let message = format!("{}: this version of Trailwarden cannot make the call", call.iam_action());
    CloudError { failure: FailureKind::Refused, message }
}

fn kind(code: &str, message: Option<&str>, is_server_error: bool) -> FailureKind {
    // GuardDuty has no code of its own for a detector that does not exist.
    let is_unknown_detector =
        code == "BadRequestException" && message.is_some_and(|text| text.contains("not owned by the current account"));
    if MISSING.contains(&code) || code.contains("NotFound") || code.starts_with("NoSuch") || is_unknown_detector {
        FailureKind::Missing
    } else if DENIED.contains(&code) {
        FailureKind::Denied
    } else if TRANSIENT.contains(&code) || is_server_error {
        FailureKind::Transient
    } else {
        FailureKind::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_have_a_kind() {
        for (code, expected) in [
            ("InvalidSecurityGroupRuleId.NotFound", FailureKind::Missing),
            ("InvalidRoute.NotFound", FailureKind::Missing),
            ("NoSuchEntity", FailureKind::Missing),
            ("TrailNotFoundException", FailureKind::Missing),
            ("UnauthorizedOperation", FailureKind::Denied),
            ("AccessDeniedException", FailureKind::Denied),
            ("RequestLimitExceeded", FailureKind::Transient),
            ("InvalidParameterValue", FailureKind::Refused),
        ] {
            assert_eq!(kind(code, None, false), expected, "{code}");
        }
        assert_eq!(kind("Unknown", None, true), FailureKind::Transient);
        let message = "The request is rejected because the input detectorId is not owned by the current account.";
        assert_eq!(kind("BadRequestException", Some(message), false), FailureKind::Missing);
        assert_eq!(kind("BadRequestException", Some("other"), false), FailureKind::Refused);
    }
}
