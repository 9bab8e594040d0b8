//! The inputs of a command: files, directories and standard input.

use std::fs::File;
use std::io::{self, BufReader, Cursor, IsTerminal as _, Read};
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailwarden::pipeline::Input;
use trailwarden::terraform_plan::Plan;
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
    Plan(Box<PlanFile>),
}

/// A Terraform plan that was read.
pub(crate) struct PlanFile {
    pub(crate) name: String,
    pub(crate) plan: Plan,
}

impl Source {
    /// What it is called; not yet safe to show.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::StandardInput => "standard input".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
            Self::Unreadable { name, .. } => name.clone(),
            Self::Plan(file) => file.name.clone(),
        }
    }

    /// What it is called beside a progress bar, safe to show.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::File { path, .. } => visible(&path.file_name().unwrap_or_default().to_string_lossy()).into_owned(),
            Self::StandardInput | Self::Unreadable { .. } | Self::Plan(_) => String::new(),
        }
    }
}

/// Every file named or below a directory named, in the order given, directories by file name.
pub(crate) fn sources(paths: &[PathBuf]) -> Vec<Source> {
    if paths.is_empty() {
        return vec![Source::StandardInput];
    }
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            // It can be read but once, so what is named again holds nothing.
            if !sources.iter().any(|source| matches!(source, Source::StandardInput)) {
                sources.push(Source::StandardInput);
            }
            continue;
        }
        let before = sources.len();
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                // Reading it might take for ever. What is named itself is read.
                Ok(entry) if entry.depth() > 0 && !entry.file_type().is_file() => {
                    let reason = "not a regular file; name it itself to read it".to_owned();
                    sources.push(Source::Unreadable { name: entry.path().display().to_string(), reason });
                }
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
        if sources.len() == before {
            let reason = "the directory is empty: there is nothing to evaluate".to_owned();
            sources.push(Source::Unreadable { name: path.display().to_string(), reason });
        }
    }
    sources
}

/// Opens an input. `progress` counts the bytes that are read of it.
pub(crate) fn open(source: &Source, progress: &ProgressBar) -> (String, Input<'static>) {
    let input = match source {
        Source::StandardInput => stream(io::stdin().lock(), progress),
        Source::File { path, .. } => match File::open(path) {
            Ok(file) => stream(file, progress),
            Err(error) => Input::Unreadable(format!("cannot be opened: {error}")),
        },
        Source::Unreadable { reason, .. } => Input::Unreadable(reason.clone()),
        Source::Plan(file) => stream(Cursor::new(file.plan.cloudtrail_file()), progress),
    };
    (source.name(), input)
}

fn stream(reader: impl Read + 'static, progress: &ProgressBar) -> Input<'static> {
    Input::Stream(Box::new(BufReader::with_capacity(BUFFER, progress.wrap_read(reader))))
}

/// How far the run is, on standard error when that is a terminal: a bar over the bytes on disk when the input is long; the
/// bytes read so far where they cannot be known before, unless somebody types them.
pub(crate) fn progress(sources: &[Source]) -> ProgressBar {
    let size = |source: &Source| match source {
        Source::File { bytes, .. } => *bytes,
        Source::StandardInput | Source::Unreadable { .. } | Source::Plan(_) => 0,
    };
    let total: u64 = sources.iter().map(size).sum();
    let piped = sources.iter().any(|source| matches!(source, Source::StandardInput));
    let shown = if piped { !io::stdin().is_terminal() } else { total >= LONG };
    if !shown || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (length, template) = match piped {
        true => (None, "{spinner} {bytes} {elapsed} {msg}"),
        false => (Some(total), "{wide_bar} {bytes}/{total_bytes} {eta} {msg}"),
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
