//! File formats: compression and encodings that are read, and formats that are refused by name.
//!
//! The first bytes of an input, or its first line, decide how it is read, or the name and the advice of its rejection.

use std::io::{self, BufRead as _, ErrorKind, Read};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::MultiGzDecoder;
use memchr::memchr;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::window::Window;

/// Number of bytes at the beginning of an input that decide: a tar header names itself at byte 257.
const HEAD_BYTES: usize = 512;

/// Maximum number of compressions and encodings around one another.
const MAX_LAYERS: usize = 3;

/// The format of an input.
#[derive(Debug, Clone, Copy)]
enum Media {
    /// Text, as far as its first bytes show.
    Text,
    Gzip,
    Zstandard,
    Utf16(&'static Encoding),
    /// A format that is not read.
    Refused(Format),
}

/// A format that is not read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// Its name, with the article.
    name: &'static str,
    /// How to convert it to records.
    advice: &'static str,
}

impl Format {
    /// The reason for a rejection of an input that begins as the format does.
    fn reason(self) -> String {
        format!("this is {}; {}", self.name, self.advice)
    }

    /// The reason for a rejection of a line that looks like one of the format.
    pub(super) fn likely_reason(self) -> String {
        format!("not JSON: this looks like {}; {}", self.name, self.advice)
    }
}

const UNPACK: &str = "unpack it and give the files inside";
const DECOMPRESS: &str = "decompress it first";
const TO_JSON: &str = "export the records as JSON Lines and give that";
const ORIGINAL: &str = "give CloudTrail's own JSON";

/// First bytes of formats that are not read.
const FORMATS: &[(&[u8], Format)] = &[
    (b"PK\x03\x04", Format { name: "a ZIP archive", advice: UNPACK }),
    (b"PK\x05\x06", Format { name: "an empty ZIP archive", advice: UNPACK }),
    (b"PK\x07\x08", Format { name: "a ZIP archive", advice: UNPACK }),
    (b"7z\xbc\xaf\x27\x1c", Format { name: "a 7z archive", advice: UNPACK }),
    (b"Rar!\x1a\x07", Format { name: "a RAR archive", advice: UNPACK }),
    (b"BZh", Format { name: "bzip2 data", advice: "decompress it first: bunzip2" }),
    (b"\xfd7zXZ\0", Format { name: "xz data", advice: "decompress it first: unxz" }),
    (b"\x5d\0\0", Format { name: "LZMA data", advice: "decompress it first: unlzma" }),
    (b"LZIP", Format { name: "lzip data", advice: DECOMPRESS }),
    (b"\x04\x22\x4d\x18", Format { name: "LZ4 data", advice: "decompress it first: unlz4" }),
    (b"\xff\x06\0\0sNaPpY", Format { name: "Snappy data", advice: DECOMPRESS }),
    (b"\x1f\x9d", Format { name: "compress (.Z) data", advice: "decompress it first: uncompress" }),
    (b"PAR1", Format { name: "a Parquet file", advice: TO_JSON }),
    (b"Obj\x01", Format { name: "an Avro file", advice: TO_JSON }),
    (b"ORC", Format { name: "an ORC file", advice: TO_JSON }),
    (b"ARROW1", Format { name: "an Arrow file", advice: TO_JSON }),
    (b"SQLite format 3\0", Format { name: "an SQLite database", advice: TO_JSON }),
    (b"%PDF-", Format { name: "a PDF document", advice: ORIGINAL }),
    (b"\x89PNG", Format { name: "a PNG image", advice: ORIGINAL }),
    (b"\xff\xd8\xff", Format { name: "a JPEG image", advice: ORIGINAL }),
    (b"\x7fELF", Format { name: "a program (ELF)", advice: ORIGINAL }),
    (b"ElfFile\0", Format { name: "a Windows event log", advice: ORIGINAL }),
    (b"\xd0\xcf\x11\xe0", Format { name: "a Microsoft Office document", advice: ORIGINAL }),
    (b"-----BEGIN PGP", Format { name: "a PGP message", advice: "decrypt it first" }),
    (b"-----BEGIN ", Format { name: "a key or certificate (PEM)", advice: ORIGINAL }),
    (b"PARE", Format { name: "an encrypted Parquet file", advice: TO_JSON }),
    (b"\x02\x21\x4c\x18", Format { name: "LZ4 data", advice: "decompress it first: unlz4" }),
    (b"\x89LZO", Format { name: "lzop data", advice: "decompress it first: lzop -d" }),
    (b"\x82SNAPPY\0", Format { name: "Snappy data", advice: DECOMPRESS }),
    (b"x\x01", Format { name: "zlib data", advice: "decompress it first: zlib-flate -uncompress" }),
    (b"x\x9c", Format { name: "zlib data", advice: "decompress it first: zlib-flate -uncompress" }),
    (b"x\xda", Format { name: "zlib data", advice: "decompress it first: zlib-flate -uncompress" }),
    (b"{\0\0\0", UTF_32),
    (b"[\0\0\0", UTF_32),
    (b"\0\0\0{", UTF_32),
    (b"\0\0\0[", UTF_32),
    (b"\xff\xfe\0\0", Format { name: "UTF-32 text", advice: "convert it: iconv -f UTF-32 -t UTF-8" }),
    (b"\0\0\xfe\xff", Format { name: "UTF-32 text", advice: "convert it: iconv -f UTF-32 -t UTF-8" }),
];

const UTF_32: Format = Format { name: "UTF-32 text", advice: "convert it: iconv -f UTF-32 -t UTF-8" };
const TAR: Format = Format { name: "a tar archive", advice: UNPACK };
const NESTED: Format = Format { name: "compressed over and over", advice: DECOMPRESS };

/// The format of an input that begins with `head`.
fn media(head: &[u8]) -> Media {
    match head {
        [0x1f, 0x8b, ..] => return Media::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => return Media::Zstandard,
        _ => {}
    }
    if let Some((_, format)) = FORMATS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Media::Refused(*format);
    }
    match head {
        [0xff, 0xfe, ..] => Media::Utf16(UTF_16LE),
        [0xfe, 0xff, ..] => Media::Utf16(UTF_16BE),
        // JSON begins with two ASCII characters.
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => Media::Utf16(UTF_16LE),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => Media::Utf16(UTF_16BE),
        _ if head.get(257..262) == Some(b"ustar") => Media::Refused(TAR),
        _ => Media::Text,
    }
}

/// Whether `head` is enough to tell the format. JSON is read as it arrives, without waiting for more.
fn is_enough(head: &[u8]) -> bool {
    match head {
        [b'{' | b'[' | b'"' | b' ' | b'\t' | b'\r' | b'\n', second, ..] => *second != 0,
        [0x1f, 0x8b, ..] => true,
        _ => head.len() >= HEAD_BYTES,
    }
}

/// The text of an input, decompressed and in UTF-8.
///
/// # Errors
/// The reason, when the input is in a format that is not read.
pub(super) fn text<'r>(reader: impl Read + 'r) -> Result<Window<'r>, String> {
    let mut window = Window::new(reader);
    let mut around = Vec::new();
    loop {
        while !is_enough(window.held()) {
            match window.fill() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    window.keep(error);
                    break;
                }
            }
        }
        let media = media(window.held());
        if let Media::Text = media {
            return Ok(window);
        }
        let within = |format: Format| match around.as_slice() {
            [] => format.reason(),
            layers => format!("{} (within {})", format.reason(), layers.join(" within ")),
        };
        if around.len() >= MAX_LAYERS {
            return Err(within(NESTED));
        }
        let (name, inner) = match media {
            Media::Text => return Ok(window),
            Media::Refused(format) => return Err(within(format)),
            Media::Gzip => ("gzip", Window::new(MultiGzDecoder::new(window))),
            Media::Zstandard => ("Zstandard", Window::new(Frames::new(window))),
            Media::Utf16(encoding) => {
                let decoder = DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(window);
                ("UTF-16", Window::new(decoder))
            }
        };
        around.push(name);
        window = inner;
    }
}

/// Decompresses Zstandard frames, one after the other (RFC 8878).
struct Frames<'r> {
    source: Window<'r>,
    decoder: FrameDecoder,
    /// Whether a frame has begun and not ended.
    is_open: bool,
}

impl<'r> Frames<'r> {
    fn new(source: Window<'r>) -> Self {
        Self { source, decoder: FrameDecoder::new(), is_open: false }
    }

    /// Begins the next frame, if there is one.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.is_open = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(invalid(error)),
            }
        }
        Ok(false)
    }

    /// Ends a frame.
    fn end(&mut self) -> io::Result<()> {
        self.is_open = false;
        match self.decoder.get_checksum_from_data() {
            Some(sum) if self.decoder.get_calculated_checksum() != Some(sum) => {
                Err(invalid("corrupt Zstandard data does not match its checksum"))
            }
            _ => Ok(()),
        }
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_open && !self.begin()? {
                return Ok(0);
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.end()?;
            } else {
                self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)).map_err(invalid)?;
            }
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

/// First characters of lines of text formats that are not read, in lower case.
const LINES: &[(&str, Format)] = &[
    ("<!doctype html", Format { name: "an HTML page", advice: "perhaps a login or error page that was saved instead" }),
    ("<html", Format { name: "an HTML page", advice: "perhaps a login or error page that was saved instead" }),
    (
        "<?xml",
        Format { name: "an XML document", advice: "perhaps an error of S3 that was saved instead of the object" },
    ),
    (
        "<error>",
        Format { name: "an XML document", advice: "perhaps an error of S3 that was saved instead of the object" },
    ),
    ("----", TABLE),
    ("+---", TABLE),
    ("---", YAML),
    ("records:", YAML),
    ("events:", YAML),
    ("eventversion:", YAML),
    ("- eventversion:", YAML),
    ("- awsregion:", YAML),
    ("awsregion:", YAML),
    ("cef:", Format { name: "CEF", advice: ORIGINAL }),
    ("leef:", Format { name: "LEEF", advice: ORIGINAL }),
];

const YAML: Format = Format { name: "YAML", advice: "convert it to JSON: aws … --output json" };
const CSV: Format = Format { name: "CSV", advice: ORIGINAL };
const TSV: Format = Format { name: "a table with tabs between columns", advice: ORIGINAL };
const BASE64: Format = Format { name: "base64 of gzip data", advice: "decode it first: base64 -d" };
const PREFIX: Format =
    Format { name: "a log line with text before the JSON", advice: "remove what precedes the first brace" };
const TEXT_OUTPUT: Format = Format { name: "the text output of an `aws` command", advice: "use --output json" };
const TABLE: Format = Format { name: "a table", advice: "use --output json" };

/// The format of a line of text that is no JSON, where it is known.
pub(super) fn line(text: &str) -> Option<Format> {
    let lower: String = text.chars().take(32).collect::<String>().to_ascii_lowercase();
    if let Some((_, format)) = LINES.iter().find(|(start, _)| lower.starts_with(start)) {
        return Some(*format);
    }
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    if text.starts_with("H4sI") && text.bytes().all(is_base64) {
        return Some(BASE64);
    }
    if is_header(text, ',') {
        return Some(CSV);
    }
    let is_row_of_json = text.starts_with("\"{\"\"");
    let is_column = ["eventjson", "cloudtrailevent", "_raw", "@message"].contains(&lower.trim_matches('"'));
    if is_row_of_json || is_column || is_header(text, ';') {
        return Some(CSV);
    }
    if ["EVENTS\t", "EVENT\t", "RESULTS\t", "QUERYRESULTROWS\t"].iter().any(|start| text.starts_with(start)) {
        return Some(TEXT_OUTPUT);
    }
    if ["- '{", "- \"{", "- accesskeyid:", "- cloudtrailevent:"].iter().any(|start| lower.starts_with(start)) {
        return Some(YAML);
    }
    if is_header(text, '\t') {
        return Some(TSV);
    }
    text.contains("{\"").then_some(PREFIX)
}

/// The reason for the rejection of a line that is not UTF-8.
pub(super) fn encoding_reason(bytes: &[u8], error: std::str::Utf8Error) -> String {
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f);
    let at = error.valid_up_to() + 1;
    if bytes.iter().any(is_control) {
        "not JSON: this is binary data of an unknown format; give CloudTrail's own JSON".to_owned()
    } else {
        format!(
            "not JSON: invalid utf-8 at byte {at} of it; if it is Latin-1 text, convert it: iconv -f WINDOWS-1252 -t UTF-8"
        )
    }
}

/// Maximum length of a column's name, in characters.
const MAX_COLUMN_NAME: usize = 64;

/// Whether the line names at least two columns of a table.
fn is_header(text: &str, separator: char) -> bool {
    let is_name = |name: &str| {
        let name = name.trim().trim_matches('"');
        !name.is_empty()
            && name.chars().count() <= MAX_COLUMN_NAME
            && name.chars().all(|one| one.is_alphanumeric() || " _-@.:/()".contains(one))
    };
    text.contains(separator) && text.split(separator).all(is_name)
}

/// The number of bytes before the JSON in a line that begins with a time, as `aws logs tail` and exports of CloudWatch
/// Logs write it: `2026-03-04T10:00:00.000Z {…}`.
pub(super) fn prefix(text: &str) -> usize {
    let begins_with_date = matches!(
        text.as_bytes(),
        [a, b, c, d, b'-', e, f, b'-', g, h, b'T' | b' ', ..] if [a, b, c, d, e, f, g, h].iter().all(|one| one.is_ascii_digit())
    );
    let json = memchr(b'{', text.as_bytes()).filter(|at| begins_with_date && *at <= MAX_PREFIX);
    json.filter(|at| matches!(text.as_bytes().get(at.wrapping_sub(1)), Some(b' ' | b'\t'))).unwrap_or(0)
}

/// Maximum length of what is before the JSON, in bytes: a time and the name of a log stream, which has up to 512.
const MAX_PREFIX: usize = 600;
