//! Real records: from `TRAILWARDEN_BENCH_RECORDS`, a directory of CloudTrail files in any form that
//! `trailwarden evaluate` reads, or from the public data in `TRAILWARDEN_PUBLIC_DATA`.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::PathBuf;

use trailwarden::sources::{Content, Item, Reader};

use crate::workload::batch::Workload;

const VARIABLE: &str = "TRAILWARDEN_BENCH_RECORDS";
const PUBLIC_DATA: &str = "TRAILWARDEN_PUBLIC_DATA";

/// The workload. Prints a message if there are no records.
pub(crate) fn workload() -> Option<Workload> {
    let public = || env::var_os(PUBLIC_DATA).map(|data| PathBuf::from(data).join("cloudtrail/invictus-ir"));
    let Some(directory) = env::var_os(VARIABLE).map(PathBuf::from).or_else(public) else {
        let _ = writeln!(io::stderr(), "skipped: real records; neither {VARIABLE} nor {PUBLIC_DATA} is set");
        return None;
    };
    let Ok(entries) = fs::read_dir(&directory) else {
        let told = directory.display();
        let _ =
            writeln!(io::stderr(), "skipped: real records; {told} cannot be read. {VARIABLE} names another directory");
        return None;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut records: Vec<String> = Vec::new();
    for path in paths {
        let source = path.display().to_string();
        for Item { place, content } in Reader::stream(&source, BufReader::new(File::open(&path).unwrap())) {
            match content {
                Content::Record(record) => records.push(record.into_json()),
                Content::Rejected(reason) => panic!("{place}: {reason}"),
                Content::Control | Content::Nested(_) => {}
                _ => panic!("{place}: not a CloudTrail log file"),
            }
        }
    }
    if records.is_empty() {
        let _ = writeln!(io::stderr(), "skipped: real records; there are none in {}", directory.display());
        return None;
    }
    Some(Workload::of("real", &records))
}
