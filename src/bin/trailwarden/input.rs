//! The inputs of a command: files, directories and standard input.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailwarden::pipeline::Input;
use trailwarden::text::visible;
use walkdir::WalkDir;

/// Size of the buffer files are read with.
const BUFFER: usize = 256 * 1024;

/// Input shorter than this, in bytes on disk, is read before a progress bar could be looked at.
const LONG: u64 = 4 * 1024 * 1024;

/// One input to open.
pub(crate) enum Source {
    StandardInput,
    File { path: PathBuf, bytes: u64 },
    Unreadable { name: String, reason: String },
}

/// Every file named or below a directory named, in the order given, directories by file name.
pub(crate) fn sources(paths: &[PathBuf]) -> Vec<Source> {
    if paths.is_empty() {
        return vec![Source::StandardInput];
    }
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(Source::StandardInput);
            continue;
        }
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
                    sources.push(Source::File { path: entry.into_path(), bytes });
                }
                Err(error) => {
                    let name = error.path().unwrap_or(path).display().to_string();
                    let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    sources.push(Source::Unreadable { name, reason: format!("cannot be opened: {reason}") });
                }
            }
        }
    }
    sources
}

pub(crate) fn open(source: &Source, progress: &ProgressBar) -> (String, Input<'static>) {
    match source {
        Source::StandardInput => ("standard input".to_owned(), stream(io::stdin().lock(), progress)),
        Source::File { path, .. } => {
            progress.set_message(file_name(path));
            let name = path.display().to_string();
            match File::open(path) {
                Ok(file) => (name, stream(file, progress)),
                Err(error) => (name, Input::Unreadable(format!("cannot be opened: {error}"))),
            }
        }
        Source::Unreadable { name, reason } => (name.clone(), Input::Unreadable(reason.clone())),
    }
}

fn stream(reader: impl Read + 'static, progress: &ProgressBar) -> Input<'static> {
    Input::Stream(Box::new(BufReader::with_capacity(BUFFER, progress.wrap_read(reader))))
}

fn file_name(path: &Path) -> String {
    visible(&path.file_name().unwrap_or_default().to_string_lossy()).into_owned()
}

/// A bar over the bytes on disk, on standard error, when that is a terminal and the input is long.
pub(crate) fn progress(sources: &[Source]) -> ProgressBar {
    let size = |source: &Source| match source {
        Source::File { bytes, .. } => *bytes,
        Source::StandardInput | Source::Unreadable { .. } => 0,
    };
    let total: u64 = sources.iter().map(size).sum();
    let piped = sources.iter().any(|source| matches!(source, Source::StandardInput));
    if !io::stderr().is_terminal() || piped || total < LONG {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = "{wide_bar} {bytes}/{total_bytes} {eta} {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
