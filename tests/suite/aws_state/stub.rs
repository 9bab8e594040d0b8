//! An endpoint on loopback that answers as the test says, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use percent_encoding::percent_decode_str;

/// One request of the query protocol, or of a JSON protocol, which has no parameters.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) action: String,
    pub(crate) parameters: BTreeMap<String, String>,
    /// The access key that signed it.
    pub(crate) key: String,
    /// The body.
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The values of the only filter.
    pub(crate) fn values(&self) -> Vec<&str> {
        let of_filter = self.parameters.iter().filter(|(name, _)| name.starts_with("Filter.1.Value."));
        of_filter.map(|(_, value)| value.as_str()).collect()
    }
}

/// What is answered.
pub(crate) enum Reply {
    /// A status and a body.
    Now(u16, String),
    /// The same, and then the end of the connection, which is not announced.
    Last(u16, String),
    /// The end of the connection.
    Close,
    /// Nothing, ever.
    Never,
}

/// An answer of EC2.
pub(crate) fn ec2(action: &str, inner: &str) -> Reply {
    Reply::Now(200, format!("<{action}Response><requestId>r</requestId>{inner}</{action}Response>"))
}

/// An answer of IAM or STS.
pub(crate) fn query(action: &str, inner: &str) -> Reply {
    Reply::Now(200, format!("<{action}Response><{action}Result>{inner}</{action}Result></{action}Response>"))
}

/// A refusal of EC2.
pub(crate) fn ec2_error(status: u16, code: &str, message: &str) -> Reply {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Reply::Now(status, format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"))
}

/// A refusal of IAM or STS.
pub(crate) fn query_error(status: u16, code: &str, message: &str) -> Reply {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    Reply::Now(status, format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"))
}

type Answers = Arc<dyn Fn(&Call) -> Reply + Send + Sync>;

pub(crate) struct Stub {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    connections: Arc<AtomicUsize>,
}

impl Stub {
    pub(crate) fn new(answers: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (answers, kept, counted): (Answers, _, _) =
            (Arc::new(answers), Arc::clone(&calls), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let (answers, calls) = (Arc::clone(&answers), Arc::clone(&kept));
                thread::spawn(move || serve(&stream, &answers, &calls));
            }
        });
        Self { url, calls, connections }
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// How often each action was called.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls() {
            *counts.entry(call.action).or_default() += 1;
        }
        counts
    }
}

/// Answers one connection until it is closed.
fn serve(stream: &TcpStream, answers: &Answers, calls: &Mutex<Vec<Call>>) {
    let mut reader = BufReader::new(stream);
    while let Some(call) = read(&mut reader) {
        calls.lock().unwrap().push(call.clone());
        let reply = answers(&call);
        let is_last = matches!(reply, Reply::Last(..));
        match reply {
            Reply::Now(status, body) | Reply::Last(status, body) => {
                let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", body.len());
                let mut writer = stream;
                if writer.write_all((head + &body).as_bytes()).is_err() || is_last {
                    return;
                }
            }
            Reply::Close => return,
            Reply::Never => {
                // Until the other side gives up.
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Call> {
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 0 && line.trim() != "" || headers.is_empty() {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        line.clear();
        if headers.contains_key("") {
            return None;
        }
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).unwrap();
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let parameters: BTreeMap<_, _> = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
    let target = headers.get("x-amz-target").and_then(|target| target.rsplit_once('.'));
    let action = target.map_or_else(|| parameters["Action"].clone(), |(_, action)| action.to_owned());
    let signature = headers.get("authorization").map_or("", String::as_str);
    let key = signature.split_once("Credential=").and_then(|(_, rest)| rest.split_once('/'));
    Some(Call { action, parameters, key: key.map(|(key, _)| key.to_owned()).unwrap_or_default(), body })
}
