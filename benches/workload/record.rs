//! Records, one after the other, in the order and the form in which CloudTrail writes their members.

use fastrand::Rng;
use jiff::Timestamp;

use super::caller::Callers;
use super::interesting::INTERESTING;
use super::noise::NOISE;
use super::template::{Context, Template, fill, uuid};

/// One of this number of records is reported by the built-in rules.
const ONE_IN: usize = 100;

/// The time of the first record: 2026-03-04T10:00:00Z.
const START: i64 = 1_772_618_400_000;

/// A record.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its JSON.
    pub(crate) text: String,
    /// The delivery time in milliseconds since 1970.
    pub(super) delivered: i64,
    /// Whether the built-in rules report it.
    pub(crate) is_interesting: bool,
}

/// An infinite iterator of records.
#[derive(Debug)]
pub(crate) struct Records {
    rng: Rng,
    callers: Callers,
    time: i64,
    /// The number of records so far.
    count: usize,
    /// The position of the reported record among the current hundred.
    chosen: usize,
}

impl Records {
    /// The same seed gives the same records.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let callers = Callers::new(&mut rng);
        Self { rng, callers, time: START, count: 0, chosen: 0 }
    }

    fn template(&mut self) -> (&'static Template, bool) {
        let place = self.count % ONE_IN;
        if place == 0 {
            self.chosen = self.rng.usize(0..ONE_IN);
        }
        self.count += 1;
        if place == self.chosen {
            // In turn, so that a small workload contains all of them.
            return (&INTERESTING[self.count / ONE_IN % INTERESTING.len()], true);
        }
        let mut left = self.rng.u32(0..NOISE.iter().map(|template| template.weight).sum());
        let chosen = NOISE.iter().find(|template| {
            let is_it = left < template.weight;
            left = left.saturating_sub(template.weight);
            is_it
        });
        (chosen.unwrap(), false)
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let (template, is_interesting) = self.template();
        self.time += self.rng.i64(1..400);
        let time = Timestamp::from_second(self.time / 1000).unwrap().to_string();
        let call = self.callers.pick(template.by, &mut self.rng);
        let rng = &mut self.rng;
        let context = Context { account: call.account, region: call.region, time: &time };
        let Template { source, name, reads, kind, data, .. } = template;
        let mut text = format!(
            r#"{{"eventVersion":"1.11","userIdentity":{},"eventTime":"{time}","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"{}","sourceIPAddress":"{}","userAgent":"{}","#,
            call.identity, call.region, call.address, call.user_agent
        );
        if let Some((code, message)) = template.error {
            text.push_str(&format!(r#""errorCode":"{code}","errorMessage":""#));
            fill(message, context, rng, &mut text);
            text.push_str("\",");
        }
        text.push_str(r#""requestParameters":"#);
        fill(template.request, context, rng, &mut text);
        text.push_str(r#","responseElements":"#);
        fill(template.response, context, rng, &mut text);
        text.push(',');
        fill(template.more, context, rng, &mut text);
        let (request_id, id) = (uuid(rng), uuid(rng));
        let (is_management, category) = if *data { (false, "Data") } else { (true, "Management") };
        text.push_str(&format!(
            r#""requestID":"{request_id}","eventID":"{id}","readOnly":{reads},"eventType":"{kind}","managementEvent":{is_management},"recipientAccountId":"{}","eventCategory":"{category}""#,
            call.account
        ));
        if call.is_direct {
            text.push_str(&format!(
                r#","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{source}.{}.amazonaws.com"}}"#,
                call.region
            ));
        }
        text.push('}');
        // CloudTrail delivers after some minutes.
        let delivered = self.time + 180_000 + rng.i64(0..60_000);
        Some(Record { text, delivered, is_interesting })
    }
}
