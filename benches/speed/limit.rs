//! The limit: what decoding the base64 and the gzip of a payload takes, and nothing else.

use std::hint::black_box;

use base64_simd::{Out, STANDARD};
use libdeflater::Decompressor;

use crate::race::{LIMIT, Lane};
use crate::workload::batch::{Payload, Workload};

/// Decodes payloads into buffers that are used again.
pub(crate) struct Decoder {
    decompressor: Decompressor,
    gzip: Vec<u8>,
    batch: Vec<u8>,
}

impl Decoder {
    /// With room for each payload of a workload.
    pub(crate) fn new(workload: &Workload) -> Self {
        let most = |of: fn(&Payload) -> usize| workload.payloads.iter().map(of).max().unwrap();
        Self {
            decompressor: Decompressor::new(),
            gzip: vec![0; most(|payload| payload.gzip_bytes + 3)],
            batch: vec![0; most(|payload| payload.bytes)],
        }
    }

    /// The batch in a payload.
    pub(crate) fn batch(&mut self, payload: &Payload) -> &[u8] {
        let gzip = STANDARD.decode(payload.data().as_bytes(), Out::from_slice(&mut self.gzip)).unwrap();
        let length = self.decompressor.gzip_decompress(gzip, &mut self.batch).unwrap();
        &self.batch[..length]
    }
}

/// The limit of a workload, as one that takes part.
pub(crate) fn lane(workload: &Workload) -> Lane<'_> {
    let mut decoder = Decoder::new(workload);
    Lane::new(LIMIT, move || {
        for payload in &workload.payloads {
            black_box(decoder.batch(payload));
        }
    })
}
