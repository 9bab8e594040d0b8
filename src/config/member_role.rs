//! What the role that reads other accounts may be called, its sessions, and their external id. What AWS would refuse is
//! refused before: later it would only leave every other account unknown.

/// The role of this name, with its path if it has one: `Reader`, `audit/Reader`.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
///
/// # Errors
/// Why it cannot be one.
pub fn member_role(name: &str) -> Result<String, &'static str> {
    const MOST_OF_A_NAME: usize = 64;
    const MOST_OF_A_PATH: usize = 510;
    if name.starts_with("arn:") {
        return Err("give the name of the role and not its ARN; it is the same in all accounts");
    }
    if name.starts_with('/') {
        return Err("give no slash at the beginning: a role with a path is named `path/name`");
    }
    let (path, last) = name.rsplit_once('/').unwrap_or(("", name));
    if last.is_empty() || last.len() > MOST_OF_A_NAME || path.len() > MOST_OF_A_PATH {
        return Err("the name of a role has 1 to 64 characters, after a path of at most 510");
    }
    if !name.bytes().all(|byte| is_of_a_name(byte) || byte == b'/') {
        return Err("the name of a role holds letters, digits and _+=,.@- only");
    }
    Ok(name.to_owned())
}

/// What sessions are called.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
///
/// # Errors
/// Why they cannot be called so.
pub fn session_name(name: &str) -> Result<String, &'static str> {
    let fits = (2..=64).contains(&name.len()) && name.bytes().all(is_of_a_name);
    fits.then(|| name.to_owned()).ok_or("the name of a session has 2 to 64 letters, digits and characters of _+=,.@-")
}

/// The external id that the role's trust policy asks for.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
///
/// # Errors
/// Why it cannot be one.
pub fn external_id(id: &str) -> Result<String, &'static str> {
    let fits =
        (2..=1_224).contains(&id.len()) && id.bytes().all(|byte| is_of_a_name(byte) || matches!(byte, b':' | b'/'));
    fits.then(|| id.to_owned()).ok_or("an external id has 2 to 1,224 letters, digits and characters of _+=,.@:/-")
}

/// What IAM and STS take in names: `[\w+=,.@-]`.
fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_aws_takes_is_taken() {
        let longest = "x".repeat(64);
        let too_long = "x".repeat(65);
        for name in ["Reader", "audit/Reader", "a/b/c_+=,.@-", &longest] {
            assert_eq!(member_role(name).as_deref(), Ok(name));
        }
        for name in ["", "arn:aws:iam::1:role/Reader", "/Reader", "audit/", "Read er", "R\u{e9}ader", "R*", &too_long] {
            assert!(member_role(name).is_err(), "{name}");
        }
        for name in ["tw", "user@example.com", &longest] {
            assert_eq!(session_name(name).as_deref(), Ok(name));
        }
        for name in ["", "x", "a/b", "a b", "a:b", &too_long] {
            assert!(session_name(name).is_err(), "{name}");
        }
        assert!(external_id("arn:aws/x:1").is_ok());
        for id in ["", "x", "a b", "a*", &"x".repeat(1_225)] {
            assert!(external_id(id).is_err(), "{id}");
        }
    }
}
