//! Lists S3 objects and fetches them as streams.

use std::future::Future;
use std::io::{self, Cursor, Read};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::primitives::ByteStream;
use tokio::runtime::{Builder, Handle};
use tokio::time::timeout_at;

use crate::aws::{Region, SdkConfig, error_chain, sdk_config, service_error};
use crate::sources::{Fetch, FetchError, ObjectName};

/// Timeouts of one attempt. The SDK makes three attempts. It also ends a response that stalls.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Error codes after which the same request may succeed, beside those of status 5xx and 429.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
const TRANSIENT: [&str; 6] = [
    "ExpiredToken",
    "KMS.ThrottlingException",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "SlowDown",
    "ThrottlingException",
];

/// The reason if there was no time for a request.
const NO_TIME: &str = "S3 did not answer before the deadline";

/// Starts a thread that makes requests, for programs whose own thread waits for objects.
///
/// # Errors
/// Returns the error of the operating system.
pub fn start_requests() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// Objects that the credentials of an SDK configuration can reach.
#[derive(Debug, Clone)]
pub struct Objects(Arc<LazyClient>);

/// A client that is built when the first object is fetched: most deliveries name none.
#[derive(Debug)]
struct LazyClient {
    config: SdkConfig,
    client: OnceLock<Client>,
}

impl LazyClient {
    fn get(&self) -> &Client {
        self.client.get_or_init(|| {
            let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
            Client::from_conf(aws_sdk_s3::config::Builder::from(&self.config).timeout_config(timeouts).build())
        })
    }
}

impl Objects {
    /// Objects that `config` can reach.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Arc::new(LazyClient { config: config.clone(), client: OnceLock::new() }))
    }

    /// Objects that the default credentials of the SDK can reach. `runtime` reads them, as in [`Objects::until`].
    pub fn from_environment(runtime: &Handle) -> Option<Self> {
        let (sender, receiver) = channel();
        // The receiver waits for this value.
        runtime.spawn(async move { drop(sender.send(sdk_config().await)) });
        receiver.recv().ok().map(|config| Self::new(&config))
    }

    /// Returns what fetches objects until `deadline`. `runtime` makes the requests. It must run on another thread than the one
    /// that fetches.
    pub fn until(&self, deadline: Instant, runtime: Handle) -> Fetcher {
        Fetcher { client: Arc::clone(&self.0), runtime: Runtime { handle: runtime, deadline } }
    }
}

/// Fetches objects until a deadline.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Arc<LazyClient>,
    runtime: Runtime,
}

/// The runtime of the requests, and when they end.
#[derive(Debug, Clone)]
struct Runtime {
    handle: Handle,
    deadline: Instant,
}

impl Runtime {
    /// Blocks until `future` has completed. `None` if it has not at the deadline.
    fn wait<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (sender, receiver) = channel();
        let deadline = self.deadline.into();
        // The receiver waits for this value.
        self.handle.spawn(async move { drop(sender.send(timeout_at(deadline, future).await.ok())) });
        receiver.recv().ok().flatten()
    }
}

impl Fetcher {
    /// Returns the objects of a bucket whose keys begin with `prefix`, with their sizes in bytes. Objects that contain no
    /// records by design are omitted.
    ///
    /// # Errors
    /// Returns the reason why they cannot be listed.
    pub fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<(ObjectName, u64)>, FetchError> {
        let mut pages = self.client.get().list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let pages = async move {
            let mut objects = Vec::new();
            while let Some(page) = pages.next().await {
                objects.extend(page?.contents.unwrap_or_default());
            }
            Ok::<_, SdkError<ListObjectsV2Error>>(objects)
        };
        let no_time = || FetchError { reason: NO_TIME.to_owned(), is_transient: true };
        let objects = self.runtime.wait(pages).ok_or_else(no_time)?.map_err(|error| failure(&error))?;
        let objects = objects.into_iter().filter_map(|object| {
            let name = ObjectName { bucket: bucket.to_owned(), key: object.key?, ..ObjectName::default() };
            (!name.is_without_records())
                .then(|| (name, u64::try_from(object.size.unwrap_or_default()).unwrap_or_default()))
        });
        Ok(objects.collect())
    }
}

impl Fetch for Fetcher {
    fn fetch(&self, object: &ObjectName) -> Result<Box<dyn Read>, FetchError> {
        let ObjectName { bucket, key, version, region } = object;
        let request = self.client.get().get_object().bucket(bucket).key(key).set_version_id(version.clone());
        let mut request = request.customize();
        if let Some(region) = region {
            request = request.config_override(aws_sdk_s3::config::Builder::new().region(Region::new(region.clone())));
        }
        match self.runtime.wait(request.send()) {
            Some(Ok(output)) => Ok(Box::new(Body {
                stream: Some(output.body),
                chunk: Cursor::new(Vec::new()),
                runtime: self.runtime.clone(),
            })),
            Some(Err(error)) => Err(failure(&error)),
            None => Err(FetchError { reason: NO_TIME.to_owned(), is_transient: true }),
        }
    }
}

fn failure<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> FetchError {
    let SdkError::ServiceError(refusal) = error else {
        return FetchError { reason: format!("S3 could not be reached: {}", error_chain(error)), is_transient: true };
    };
    let status = refusal.raw().status().as_u16();
    let code = refusal.err().code().unwrap_or("no error code");
    let advice = match code {
        "NoSuchKey" | "NoSuchVersion" => "; it was deleted, or the notification is of another bucket",
        "AccessDenied" => {
            "; s3:GetObject and s3:GetObjectVersion on the object and kms:Decrypt on its key are needed. Without \
             s3:ListBucket, S3 denies access to an object that does not exist"
        }
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => "; set AWS_REGION to the Region of the bucket",
        "InvalidObjectState" => "; it is archived: restore it first",
        _ => "",
    };
    FetchError {
        reason: format!("{}{advice}", service_error(code, refusal.err().message())),
        is_transient: status >= 500 || status == 429 || TRANSIENT.contains(&code),
    }
}

/// The bytes of an object, of which one chunk is in memory at a time.
struct Body {
    /// `None` after an error.
    stream: Option<ByteStream>,
    chunk: Cursor<Vec<u8>>,
    runtime: Runtime,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            let Some(mut stream) = self.stream.take_if(|_| read == 0 && !buffer.is_empty()) else { return Ok(read) };
            let next = self.runtime.wait(async move {
                let chunk = stream.next().await.transpose().map(|chunk| chunk.map(|chunk| chunk.to_vec()));
                (stream, chunk)
            });
            let Some((stream, chunk)) = next else { return Err(io::Error::new(io::ErrorKind::TimedOut, NO_TIME)) };
            match chunk {
                Ok(Some(chunk)) => (self.chunk, self.stream) = (Cursor::new(chunk), Some(stream)),
                Ok(None) => return Ok(0),
                Err(error) => return Err(io::Error::other(error_chain(&error))),
            }
        }
    }
}
