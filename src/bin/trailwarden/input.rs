//! Opens the inputs of a command: files, directories, standard input and S3 objects.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Cursor, IsTerminal as _, Read};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
#[cfg(feature = "lambda")]
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
#[cfg(feature = "lambda")]
use trailwarden::objects::{Fetcher, Objects, start_requests};
use trailwarden::pipeline::Input;
#[cfg(feature = "lambda")]
use trailwarden::sources::Fetch as _;
use trailwarden::sources::ObjectName;
use trailwarden::terraform_plan::Plan;
use trailwarden::text::visible;
use walkdir::WalkDir;
use wildmatch::WildMatch;

/// The beginning of a path that names objects.
const S3: &str = "s3://";

/// Maximum time for the objects of one path.
#[cfg(feature = "lambda")]
const MAX_OBJECTS: Duration = Duration::from_secs(24 * 60 * 60);

/// Size of read buffers, in bytes.
const BUFFER: usize = 256 * 1024;

/// Minimum size of the input, in bytes on disk, for a progress bar.
const MIN_SIZE_FOR_PROGRESS: u64 = 4 * 1024 * 1024;

/// An input to open.
pub(crate) enum Source {
    StandardInput,
    File {
        path: PathBuf,
        bytes: u64,
    },
    #[cfg(feature = "lambda")]
    Object {
        name: ObjectName,
        bytes: u64,
        fetcher: Fetcher,
    },
    Unreadable {
        name: String,
        reason: String,
    },
    Plan(Box<PlanFile>),
}

/// A Terraform plan that was read.
pub(crate) struct PlanFile {
    pub(crate) name: String,
    pub(crate) plan: Plan,
}

impl Source {
    /// Returns the name, which is not safe to print.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::StandardInput => "standard input".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
            #[cfg(feature = "lambda")]
            Self::Object { name, .. } => name.to_string(),
            Self::Unreadable { name, .. } => name.clone(),
            Self::Plan(file) => file.name.clone(),
        }
    }

    /// Returns the size in bytes, or 0 if it is not known.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::File { bytes, .. } => *bytes,
            #[cfg(feature = "lambda")]
            Self::Object { bytes, .. } => *bytes,
            Self::StandardInput | Self::Unreadable { .. } | Self::Plan(_) => 0,
        }
    }

    /// Whether `pattern` with `*` and `?` matches the path, or the name if it contains no `/`. Input without a path matches.
    pub(crate) fn matches(&self, pattern: &str) -> bool {
        if matches!(self, Self::StandardInput) {
            return true;
        }
        let path = self.name();
        let of = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let text = if pattern.contains('/') { path } else { of(&path) };
        WildMatch::new(pattern).matches(&text)
    }

    /// Returns the name of an S3 object.
    pub(crate) fn object(&self) -> Option<&ObjectName> {
        match self {
            #[cfg(feature = "lambda")]
            Self::Object { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Returns the label for a progress bar, safe to print.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::File { path, .. } => visible(&path.file_name().unwrap_or_default().to_string_lossy()).into_owned(),
            #[cfg(feature = "lambda")]
            Self::Object { name, .. } => visible(name.key.rsplit('/').next().unwrap_or_default()).into_owned(),
            Self::StandardInput | Self::Unreadable { .. } | Self::Plan(_) => String::new(),
        }
    }
}

/// Returns every file in `paths` and below directories in `paths`, in their order, and within directories by name, and every
/// object whose key begins with a prefix in `paths` (`s3://bucket/prefix`).
pub(crate) fn sources(paths: &[PathBuf]) -> Vec<Source> {
    if paths.is_empty() {
        return vec![Source::StandardInput];
    }
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            // Standard input can be read only once.
            if !sources.iter().any(|source| matches!(source, Source::StandardInput)) {
                sources.push(Source::StandardInput);
            }
            continue;
        }
        if let Some(url) = path.to_str().and_then(|path| path.strip_prefix(S3)) {
            let listed = objects(url).unwrap_or_else(|reason| {
                vec![Source::Unreadable { name: format!("{S3}{url}"), reason: format!("cannot be opened: {reason}") }]
            });
            sources.extend(listed);
            continue;
        }
        let before = sources.len();
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                // Reading a pipe or device may block forever. It is read only if it is given itself.
                Ok(entry) if entry.depth() > 0 && !entry.file_type().is_file() => {
                    let reason = "not a regular file; to read it, give its path itself".to_owned();
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
            let reason = "the directory is empty".to_owned();
            sources.push(Source::Unreadable { name: path.display().to_string(), reason });
        }
    }
    sources
}

/// Lists the objects of `BUCKET/PREFIX`.
#[cfg(feature = "lambda")]
fn objects(url: &str) -> Result<Vec<Source>, String> {
    let runtime = start_requests().map_err(|error| format!("no thread can be started: {error}"))?;
    let objects = Objects::from_environment(&runtime).ok_or("the configuration of the SDK cannot be read")?;
    let fetcher = objects.until(Instant::now() + MAX_OBJECTS, runtime);
    let (bucket, prefix) = url.split_once('/').unwrap_or((url, ""));
    let listed = fetcher.list(bucket, prefix).map_err(|error| error.reason)?;
    if listed.is_empty() {
        return Err("no key with records begins with this prefix".to_owned());
    }
    let source = |(name, bytes)| Source::Object { name, bytes, fetcher: fetcher.clone() };
    Ok(listed.into_iter().map(source).collect())
}

#[cfg(not(feature = "lambda"))]
fn objects(_: &str) -> Result<Vec<Source>, String> {
    Err("this `trailwarden` was built without the AWS SDK; build it with `--features lambda`, or download the objects"
        .to_owned())
}

/// An input that was opened.
pub(crate) struct Opened {
    pub(crate) name: String,
    pub(crate) input: Input<'static>,
    /// Whether it could not be opened, or not be read to its end.
    pub(crate) has_failed: Rc<Cell<bool>>,
}

/// Opens an input. `progress` counts the bytes that are read from it.
pub(crate) fn open(source: &Source, progress: &ProgressBar) -> Opened {
    let has_failed = Rc::new(Cell::new(false));
    let stream = |reader: Box<dyn Read>| {
        let reader = Watched { inner: progress.wrap_read(reader), has_failed: Rc::clone(&has_failed) };
        Input::Stream(Box::new(BufReader::with_capacity(BUFFER, reader)))
    };
    let unreadable = |reason: String| {
        has_failed.set(true);
        Input::Unreadable(reason)
    };
    let input = match source {
        Source::StandardInput => stream(Box::new(io::stdin().lock())),
        Source::File { path, .. } => match File::open(path) {
            Ok(file) => stream(Box::new(file)),
            Err(error) => unreadable(format!("cannot be opened: {error}")),
        },
        #[cfg(feature = "lambda")]
        Source::Object { name, fetcher, .. } => match fetcher.fetch(name) {
            Ok(content) => stream(content),
            Err(error) => unreadable(format!("cannot be opened: {}", error.reason)),
        },
        Source::Unreadable { reason, .. } => unreadable(reason.clone()),
        Source::Plan(file) => stream(Box::new(Cursor::new(file.plan.cloudtrail_file()))),
    };
    Opened { name: source.name(), input, has_failed }
}

/// A reader that remembers whether it failed.
struct Watched<R> {
    inner: R,
    has_failed: Rc<Cell<bool>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.has_failed.set(true);
        }
        read
    }
}

/// Creates the progress display, which is hidden unless standard error is a terminal: a bar for large files, and a byte
/// count for piped input.
pub(crate) fn progress(sources: &[Source]) -> ProgressBar {
    let total: u64 = sources.iter().map(Source::bytes).sum();
    let piped = sources.iter().any(|source| matches!(source, Source::StandardInput));
    let shown = if piped { !io::stdin().is_terminal() } else { total >= MIN_SIZE_FOR_PROGRESS };
    if !shown || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (length, template) = if piped {
        (None, "{spinner} {bytes} {elapsed} {msg}")
    } else {
        (Some(total), "{wide_bar} {bytes}/{total_bytes} {eta} {msg}")
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
