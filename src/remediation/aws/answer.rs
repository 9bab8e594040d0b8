//! Answers of people, sent to the URL of the function.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};

use crate::aws::{Region, SdkConfig, error_chain, with_timeouts};
use crate::text::{MAX_IN_SENTENCE, visible_at_most};

/// Sends an answer, signed with the credentials of the configuration. Returns the function's message.
///
/// # Errors
/// The function's message if it refuses the answer, or why there is no response.
pub async fn send(config: &SdkConfig, url: &str, id: &str, code: &str, is_yes: bool) -> Result<String, String> {
    let body = json!({"id": id, "code": code, "answer": if is_yes { "yes" } else { "no" }}).to_string();
    let mut own = Builder::from(&with_timeouts(config)).endpoint_url(url.trim_end_matches('/'));
    if let Some(region) = region(url) {
        own = own.region(Region::new(region.to_owned()));
    }
    // Requests to the URL of a function are signed like calls of Lambda, and the function ignores the path. So the client of
    // Lambda sends them.
    let request = Client::from_conf(own.build()).invoke().function_name("answer").payload(Blob::new(body));
    match request.send().await {
        Ok(response) => {
            let body = response.payload.map(Blob::into_inner).unwrap_or_default();
            Ok(message(&body).unwrap_or_else(|| "The function accepted the answer.".to_owned()))
        }
        Err(error) => {
            let message = error.raw_response().and_then(|response| message(response.body().bytes()?));
            Err(message.unwrap_or_else(|| error_chain(&error)))
        }
    }
}

/// The message in a response of the function, or of Lambda in its stead.
fn message(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let message = ["message", "Message"].iter().find_map(|name| body.get(name)?.as_str())?;
    Some(visible_at_most(message, MAX_IN_SENTENCE).into_owned())
}

/// The Region in the URL of a function, `https://ID.lambda-url.REGION.on.aws/`.
fn region(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once(".lambda-url.")?;
    rest.split('.').next().filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_that_of_the_url() {
        assert_eq!(region("https://abc.lambda-url.eu-central-1.on.aws/"), Some("eu-central-1"));
        assert_eq!(region("http://127.0.0.1:8080"), None);
    }
}
