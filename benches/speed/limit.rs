//! The limit: decoding the base64 and gzip of a payload, and nothing else.

use std::hint::black_box;

use base64_simd::{Out, STANDARD};
use libdeflater::Decompressor;

use crate::race::{LIMIT, Lane};
use crate::workload::batch::{Payload, Workload};

/// Decodes payloads into reused buffers.
pub(crate) struct Decoder {
    decompressor: Decompressor,
    gzip: Vec<u8>,
    batch: Vec<u8>,
}

impl Decoder {
    /// Allocates buffers for the largest payload of a workload.
    pub(crate) fn new(workload: &Workload) -> Self {
        let most = |of: fn(&Payload) -> usize| workload.payloads.iter().map(of).max().unwrap();
        Self {
            decompressor: Decompressor::new(),
            gzip: vec![0; most(|payload| payload.gzip_bytes + 3)],
            batch: vec![0; most(|payload| payload.bytes)],
        }
    }

    /// Decodes the batch in a payload.
    pub(crate) fn batch(&mut self, payload: &Payload) -> &[u8] {
        let gzip = STANDARD.decode(payload.data().as_bytes(), Out::from_slice(&mut self.gzip)).unwrap();
        let length = self.decompressor.gzip_decompress(gzip, &mut self.batch).unwrap();
        &self.batch[..length]
    }
}

/// The lane of the limit for a workload.
pub(crate) fn lane(workload: &Workload) -> Lane<'_> {
    let mut decoder = Decoder::new(workload);
    Lane::new(LIMIT, move || {
        for payload in &workload.payloads {
            black_box(decoder.batch(payload));
        }
    })
}
