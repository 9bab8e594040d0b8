//! The command line, as a process.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;

use crate::support::{directory, fixture, json, run, run_in, stderr, stdout, trailwarden};

fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn finding_snapshots() {
    let output = run(&["evaluate", "fixtures/first-run"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&output));
    insta::assert_snapshot!(stderr(&output), @"7 records = 3 clean + 4 matched + 0 exempt + 0 rejected; 4 findings");
}

#[test]
fn trust_shows_who_can_assume_a_role() {
    let directory = tempfile::tempdir().unwrap();
    let assess = |name: &str, content: &str, arguments: &[&str]| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        let output = run(&[&["trust"], arguments, &[path.to_str().unwrap()]].concat());
        (
            output.status.code().unwrap(),
            stdout(&output),
            stderr(&output).replace(directory.path().to_str().unwrap(), ""),
        )
    };
    let statement = |principal: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Sid":"S\u001b[2J","Effect":"Allow","Principal":{principal},"Action":"sts:*"}}}}"#
        )
    };
    let own = statement(r#"{"AWS":"111122223333"}"#);
    let role = |name: &str, policy: &str| {
        format!(
            r#"{{"RoleName":"{name}","Arn":"arn:aws:iam::111122223333:role/{name}","AssumeRolePolicyDocument":{policy}}}"#
        )
    };
    let open = role("open", &statement("\"*\""));
    let scoped = role("scoped", &own);

    let (code, text, _) = assess("list.json", &format!(r#"{{"Roles":[{open},{scoped},{{"no":"role"}}]}}"#), &[]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @r#"
    PUBLIC open
      public: statement 1 (S\u{1b}[2J) lets in any AWS account, e.g. 999999999999
        remediation: replace the wildcard by the accounts or roles that need it, or add the condition "StringEquals": {"aws:PrincipalOrgID": "ORGANIZATION_ID"}
    SCOPED scoped
      scoped: statement 1 (S\u{1b}[2J) lets in 111122223333
    UNDECIDABLE entry 3
      is neither a trust policy nor a role: it has no Statement and no AssumeRolePolicyDocument
    "#);
    assert_eq!(assess("one.json", &format!(r#"{{"Role":{open}}}"#), &[]).0, 1);
    assert_eq!(assess("scoped.json", &format!("[{scoped}]"), &[]).0, 0);
    assert_eq!(assess("bare.json", &own, &[]).0, 1);
    assert_eq!(assess("bare.json", &own, &["--account", "111122223333"]).0, 0);
    assert_eq!(assess("bare.json", &own, &["--account", "1"]).0, 2);
    assert_eq!(assess("no.json", "no policy", &[]).0, 2);

    // Documents that have trust policies in them, and those that have none.
    let open_text = statement("\"*\"").replace('"', "\\\"").replace("\\u", "\\\\u");
    let plan = format!(
        r#"{{"terraform_version":"1.9.0","resource_changes":[{{"type":"aws_iam_role","address":"aws_iam_role.ci",
            "change":{{"after":{{"assume_role_policy":"{open_text}"}}}}}},{{"type":"aws_s3_bucket","change":{{"after":{{}}}}}}]}}"#
    );
    let template = format!(
        r#"{{"Resources":{{"Ci":{{"Type":"AWS::IAM::Role","Properties":{{"AssumeRolePolicyDocument":{own}}}}}}}}}"#
    );
    let record = |call: &str, policy: &str| {
        format!(
            r#"{{"eventSource":"iam.amazonaws.com","eventName":"{call}","eventTime":"2026-03-04T10:00:00Z",
                "recipientAccountId":"111122223333","requestParameters":{{"roleName":"ci","policyDocument":{policy}}}}}"#
        )
    };
    let item = format!(
        r#"{{"configurationItem":{{"resourceType":"AWS::IAM::Role","resourceName":"ci","awsAccountId":"111122223333",
            "configuration":{{"assumeRolePolicyDocument":{own}}}}}}}"#
    );
    for (name, content, code, word) in [
        ("plan.json", plan.as_str(), 1, "PUBLIC aws_iam_role.ci"),
        ("template.json", &template, 1, "EXTERNAL Ci"),
        ("record.json", &record("UpdateAssumeRolePolicy", &own), 0, "SCOPED ci"),
        (
            "records.json",
            &format!(r#"{{"Records":[{},{}]}}"#, record("TagRole", "null"), record("UpdateAssumeRolePolicy", &own)),
            0,
            "SCOPED ci",
        ),
        ("item.json", &item, 0, "SCOPED ci"),
        ("other.json", &record("TagRole", "null"), 2, "CloudTrail record of TagRole"),
        ("empty-plan.json", r#"{"terraform_version":"1.9.0","resource_changes":[]}"#, 2, "Terraform plan"),
        (
            "bucket.json",
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}"#,
            2,
            "not a trust policy: it allows or denies s3:GetObject",
        ),
        (
            "output.json",
            r#"{"Policy":"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\"}}"}"#,
            2,
            "not a trust policy: it allows or denies s3:GetObject",
        ),
        ("user.json", r#"{"User":{"UserName":"ci"}}"#, 2, "neither a trust policy nor a role"),
        (
            "terraform.tfstate",
            r#"{"version":4,"terraform_version":"1.9.0","resources":[{"mode":"managed","type":"aws_iam_role","name":"ci",
                "instances":[{"attributes":{"arn":"arn:aws:iam::111122223333:role/ci","assume_role_policy":
                "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sts:AssumeRole\"}]}"}}]}]}"#,
            1,
            "PUBLIC aws_iam_role.ci",
        ),
        (
            "source-identity.json",
            r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:SetSourceIdentity"}}"#,
            0,
            "SCOPED",
        ),
        (
            "identity.json",
            r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#,
            2,
            "not a trust policy",
        ),
    ] {
        let (found, text, _) = assess(name, content, &[]);
        assert_eq!(found, code, "{name}: {text}");
        assert!(text.contains(word), "{name}: {text}");
    }

    // What is configured as your own.
    let by_org = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole",
        "Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abc123def4"}}}}"#;
    assert_eq!(assess("own.json", &own, &["--account", "444455556666", "--trusted-account", "111122223333"]).0, 0);
    assert_eq!(assess("org.json", by_org, &[]).0, 0);
    assert_eq!(assess("org.json", by_org, &["--trusted-organization", "o-abc123def4"]).0, 0);
    assert_eq!(assess("org.json", by_org, &["--trusted-organization", "o-other12345"]).0, 1);
    let config = directory.path().join("config.yml");
    fs::write(&config, "trusted-organizations: [o-other12345]\n").unwrap();
    assert_eq!(assess("org.json", by_org, &["--config", config.to_str().unwrap()]).0, 1);
    fs::write(&config, "trusted-tenants: {github.com: [acme]}\n").unwrap();
    let (code, _, faults) = assess("org.json", by_org, &["--config", config.to_str().unwrap()]);
    assert!(code == 2 && faults.contains("`github.com` is not an issuer that several tenants share"), "{faults}");

    let (_, json, _) = assess("one.json", &open, &["--format", "json"]);
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&document["verdict"], &document["role"]), (&"public".into(), &"open".into()));
    assert_eq!(document["witness"]["principal"]["AWS"], "arn:aws:iam::999999999999:role/evil");
    assert_eq!(document["statements"][0]["verdict"], "public");
    let absent = run(&["trust", "no/such/file"]);
    assert_eq!(absent.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&absent), @"error: no/such/file: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn disabled_rules_can_be_enabled_and_respect_trusted_accounts() {
    let external = "fixtures/rules/role-trust-external/hit-account.json";
    let found = |path: &str, arguments: &[&str]| {
        let output = run(&[&["evaluate", "--format", "ocsf", path], arguments].concat());
        let reported: Vec<String> =
            lines(&output).iter().map(|one| one["severity"].as_str().unwrap().to_owned()).collect();
        (output.status.code(), reported.join(" "))
    };
    // Until something is configured as your own, not much is known of an account that is let in.
    assert_eq!(found(external, &[]), (Some(1), "Low".to_owned()));
    assert_eq!(found(external, &["--trusted-account", "444455556666"]), (Some(0), String::new()));
    assert_eq!(found(external, &["--trusted-account", "555566667777"]), (Some(1), "Medium".to_owned()));
    assert_eq!(found(external, &["--trusted-organization", "o-abc123def4"]), (Some(1), "Medium".to_owned()));
    let service = "fixtures/rules/role-trust-service/hit.json";
    assert_eq!(found(service, &[]).0, Some(0));
    assert_eq!(found(service, &["--enable", "role-trust-service"]).0, Some(1));
    let refused = run(&["evaluate", external, "--trusted-organization", "acme"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("organizational unit"), "{}", stderr(&refused));
    let unknown = run(&["evaluate", external, "--enable", "no-such-rule"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("no-such-rule"), "{}", stderr(&unknown));
}

#[test]
fn ocsf_is_one_document_a_line_in_the_order_of_the_input() {
    let output = run(&["evaluate", "--format", "ocsf", "fixtures/first-run"]);
    let rules: Vec<String> = lines(&output).iter().map(|one| one["compliance"]["control"].to_string()).collect();
    assert_eq!(rules.join(" "), r#""sg-ingress-world-admin" "blocked-action" "role-trust-public" "blocked-action""#);
}

#[test]
fn exit_codes() {
    let clean = "fixtures/rules/sg-ingress-world-admin/miss-narrow.json";
    let bad = "fixtures/rules/sg-ingress-world/no-such-file.json";
    let hit = "fixtures/rules/sg-ingress-world-admin/hit-items.json";
    for (paths, code) in [(&[clean][..], 0), (&[hit], 1), (&[clean, hit], 1), (&[bad], 2), (&[hit, bad], 2)] {
        let output = run(&[&["evaluate"], paths].concat());
        assert_eq!(output.status.code(), Some(code), "{paths:?}: {}", stderr(&output));
    }
    let warning = "fixtures/rules/role-trust-undecidable/hit-omitted.json";
    assert_eq!(run(&["evaluate", warning]).status.code(), Some(1));
    // Heartbeats are compliant.
    let beat = "fixtures/rules/heartbeat/hit.json";
    assert_eq!(run(&["evaluate", beat]).status.code(), Some(0));
    assert_eq!(run(&["evaluate", beat, hit]).status.code(), Some(1));
    assert_eq!(run(&["evaluate", "--nonsense"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}

#[test]
fn invalid_files_do_not_affect_others() {
    let directory = tempfile::tempdir().unwrap();
    let good = fs::read(fixture("first-run/cloudtrail.json.gz")).unwrap();
    fs::write(directory.path().join("a-good.json.gz"), &good).unwrap();
    fs::write(directory.path().join("b-truncated.json.gz"), &good[..good.len() / 2]).unwrap();
    fs::create_dir(directory.path().join("c")).unwrap();
    fs::write(directory.path().join("c/page.html"), "<html>\n<p>not JSON</p>\n</html>\n").unwrap();
    let output = run(&["evaluate", "--format", "ocsf", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let alone = run(&["evaluate", "--format", "ocsf", "fixtures/first-run/cloudtrail.json.gz"]);
    let uids =
        |output: &Output| -> Vec<Value> { lines(output).iter().map(|one| one["metadata"]["uid"].clone()).collect() };
    assert!(uids(&output).starts_with(&uids(&alone)), "{}", stdout(&output));
    let reported = stderr(&output).replace(&directory.path().display().to_string(), "DIR");
    insta::assert_snapshot!(reported, @"
    rejected: DIR/b-truncated.json.gz:1: record 1: cannot be read on: the compressed data ends early, copy the file again (incomplete deflate stream)
    rejected: DIR/c/page.html:1: not JSON: this looks like an HTML page; perhaps a login or error page that was saved instead (and so the lines up to 3)
    6 records = 2 clean + 2 matched + 0 exempt + 2 rejected; 2 findings
    ");
}

#[test]
fn empty_input_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("a/b")).unwrap();
    let (code, output, errors) = run_in(directory.path(), &["evaluate", "DIR"]);
    assert_eq!((code, output.as_str()), (2, ""));
    insta::assert_snapshot!(errors, @"
    rejected: DIR: the directory is empty
    1 record = 0 clean + 0 matched + 0 exempt + 1 rejected; 0 findings
    ");
    let output = run(&["evaluate", "-"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output), @"
    rejected: standard input: the input is empty: there is nothing to evaluate
    1 record = 0 clean + 0 matched + 0 exempt + 1 rejected; 0 findings
    ");
}

#[test]
fn special_files_in_a_directory_do_not_block() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    assert!(Command::new("mkfifo").arg(path("pipe.json")).status().unwrap().success());
    let _socket = UnixListener::bind(path("socket.json")).unwrap();
    symlink(path("pipe.json"), path("to-pipe.json")).unwrap();
    fs::copy(fixture("rules/sg-ingress-world-admin/hit-items.json"), path("z.json")).unwrap();
    let (code, _, errors) = run_in(directory.path(), &["evaluate", "DIR"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(errors, @"
    rejected: DIR/pipe.json: not a regular file; to read it, give its path itself
    rejected: DIR/socket.json: not a regular file; to read it, give its path itself
    rejected: DIR/to-pipe.json: not a regular file; to read it, give its path itself
    4 records = 0 clean + 1 matched + 0 exempt + 3 rejected; 1 finding
    ");
    let named = path("pipe.json");
    let writer = {
        let named = named.clone();
        thread::spawn(move || fs::write(named, fs::read(fixture("envelopes/bare-record.json")).unwrap()).unwrap())
    };
    let output = run(&["evaluate", named.to_str().unwrap()]);
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn standard_input_is_read_when_named_or_piped() {
    let record = fs::read(fixture("envelopes/json-lines.jsonl")).unwrap();
    for arguments in [&["evaluate", "-"][..], &["evaluate"]] {
        let mut child =
            trailwarden(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&record).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).starts_with("2 records = 1 clean + 1 matched"), "{}", stderr(&output));
    }
}

#[test]
fn color_is_used_on_terminals_and_on_request() {
    let arguments = ["evaluate", "fixtures/rules/sg-ingress-world-admin/hit-items.json"];
    let colored = |command: &mut Command| stdout(&command.output().unwrap()).contains('\u{1b}');
    assert!(!colored(&mut trailwarden(&arguments)));
    assert!(colored(trailwarden(&arguments).env("CLICOLOR_FORCE", "1")));
    assert!(!colored(trailwarden(&arguments).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")));
}

#[test]
fn text_from_records_is_escaped_on_the_terminal() {
    let hostile = "\u{1b}]0;owned\u{7}\r\nHIGH fake-rule \u{202e}gpj";
    let mut event = json(&fixture("rules/role-trust-public/hit-create-role.json"));
    for pointer in ["/userAgent", "/sourceIPAddress", "/eventTime", "/eventID", "/awsRegion", "/recipientAccountId"] {
        *event.pointer_mut(pointer).unwrap() = hostile.into();
    }
    event["userIdentity"] = serde_json::json!({"type": hostile, "arn": hostile, "userName": hostile});
    event["requestParameters"]["roleName"] = hostile.into();
    let directory = tempfile::tempdir().unwrap();
    // A file's name is shown too.
    let path = directory.path().join("x\u{1b}[31m.json");
    fs::write(&path, format!("{event}\n{{\"eventName\" 1}}\n")).unwrap();
    for format in ["text", "ocsf"] {
        let output = run(&["evaluate", "--format", format, path.to_str().unwrap()]);
        let shown = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(2), "{shown}");
        assert!(shown.contains("fake-rule"), "{shown}");
        let hidden = |one: char| one != '\n' && trailwarden::text::is_hidden(one);
        assert!(!shown.chars().any(hidden), "{shown}");
        assert!(!shown.lines().any(|line| line.starts_with("HIGH fake-rule")), "{shown}");
    }
}

#[test]
fn user_rules_are_added() {
    let directory = tempfile::tempdir().unwrap();
    let rule = "title: Somebody assumed a role\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  \
                s:\n    eventName: AssumeRole\n  condition: s\nlevel: low\n";
    fs::write(directory.path().join("assumed.yml"), rule).unwrap();
    let rules = directory.path().to_str().unwrap();
    let output = run(&["evaluate", "--format", "ocsf", "--rules", rules, "fixtures/first-run/cloudtrail.json.gz"]);
    let messages: Vec<String> = lines(&output).iter().map(|one| one["message"].as_str().unwrap().to_owned()).collect();
    insta::assert_snapshot!(messages.join("\n"), @"
    NetOps/dana called AssumeRole of sts.amazonaws.com: Somebody assumed a role.
    NetOps/dana opened security group sg-0aaa1111bbb22222c to the whole internet: tcp port 22 (ssh) from 0.0.0.0/0.
    NetOps/dana called the blocked EC2 action CreateSubnet on subnet-0123456789abcdef0 in eu-west-1.
    ");
}

#[test]
fn invalid_rules_are_rejected_by_name_and_others_run() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("a-no-yaml.yml", "title: [unclosed");
    let rule = |modifier: &str| {
        format!(
            "title: T\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  s:\n    eventName{modifier}: x\n  \
             condition: s\n"
        )
    };
    write("b-modifier.yml", &rule("|sounds_like"));
    write("c-taken.yml", &format!("name: blocked-action\n{}", rule("")));
    let output = run(&["evaluate", "--rules", directory.path().to_str().unwrap(), "fixtures/first-run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("sg-ingress-world-admin"));
    let reported = stderr(&output).replace(&directory.path().display().to_string(), "DIR");
    insta::assert_snapshot!(reported, @"
    error: rejected: DIR/a-no-yaml.yml:2: rule `a-no-yaml`: YAML parse error: did not find expected ',' or ']' at line 2 column 1, while parsing a flow sequence at line 1 column 8
    error: rejected: DIR/b-modifier.yml:5: rule `b-modifier`: `eventName|sounds_like`: there is no modifier `sounds_like`; common modifiers are all, cased, cidr, contains, endswith, exists, expand, fieldref, gt, gte, lt, lte, neq, re, startswith
    error: rejected: DIR/c-taken.yml:1: rule `blocked-action`: `blocked-action` is taken by a rule in rules/blocked-actions/blocked-action.yml; names and ids must be unique. To replace the built-in rule, give this rule another name and id, and disable the built-in rule in the configuration file: `rules: {blocked-action: {enabled: false}}`
    7 records = 3 clean + 4 matched + 0 exempt + 0 rejected; 4 findings
    ");
}

#[test]
fn a_missing_rules_directory_is_an_error() {
    let output = run(&["evaluate", "--rules", "no/such/directory", "fixtures/first-run"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
    assert!(stderr(&output).contains("no/such/directory"), "{}", stderr(&output));
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let mut record = json(&fixture("rules/sg-ingress-world-admin/hit-items.json"));
    let many = directory.path().join("many.jsonl");
    let lines = (0..2000).map(|number| {
        record["eventID"] = format!("{number}").into();
        format!("{record}\n")
    });
    fs::write(&many, lines.collect::<String>()).unwrap();
    let arguments = ["evaluate", "--format", "ocsf", many.to_str().unwrap()];
    let mut child = trailwarden(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    let mut reader = child.stdout.take().unwrap();
    reader.read_exact(&mut first).unwrap();
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn errors_in_a_snapshot_are_escaped() {
    let directory = tempfile::tempdir().unwrap();
    let lists = directory.path().join("111122223333/eu-west-1/get-managed-prefix-list-entries");
    fs::create_dir_all(&lists).unwrap();
    fs::write(lists.join("pl-\u{1b}[2J\n\u{202e}.json"), "no \u{1b}JSON").unwrap();
    let path = directory.path().to_str().unwrap();
    let output = run(&["evaluate", "fixtures/first-run", "--snapshot", path]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output).replace(path, "DIR"), @r"
    error: the snapshot cannot be used; nothing was evaluated
    DIR/111122223333/eu-west-1/get-managed-prefix-list-entries/pl-\u{1b}[2J\u{a}\u{202e}.json: must be a JSON object as the AWS CLI prints it: expected ident at line 1 column 2
    ");
}

#[test]
fn ineffective_live_state_exemptions_are_reported() {
    let directory = directory(&[("trailwarden.yml", "live-state: {exempt-default-vpc: true}")]);
    let config = directory.path().join("trailwarden.yml");
    let evaluate = ["evaluate", "fixtures/first-run", "--config", config.to_str().unwrap()];
    let warning = "warning: `live-state` in the configuration file has no effect without live state; use --snapshot\n";
    assert!(stderr(&run(&evaluate)).starts_with(warning));
    let confirmed = run(&[&evaluate[..], &["--snapshot", "fixtures/live-state"]].concat());
    assert!(!stderr(&confirmed).contains("warning"), "{}", stderr(&confirmed));
}
