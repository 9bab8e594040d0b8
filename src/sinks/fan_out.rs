//! Hands the findings of one payload to every sink. A sink that fails or hangs does not keep the others back.

use std::mem;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, future};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Delivery, DeliveryCounts, DeliveryError, Sink, Terms, Timing};
use crate::finding::Finding;

/// Maximum number of findings that are handed to a sink at a time as they arise.
const MAX_BATCH: usize = 100;

/// All sinks of a configuration.
#[derive(Debug)]
pub struct Sinks(Vec<Box<dyn Sink>>);

impl Sinks {
    /// These sinks.
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self(sinks)
    }

    /// Opens all sinks for the findings of one payload. The future delivers the findings that are put into the outbox until
    /// the outbox is dropped.
    pub fn open(&self, terms: Terms) -> (Outbox, impl Future<Output = (DeliveryCounts, Result<(), DeliveryError>)>) {
        let mut outbox = Outbox { immediate: Vec::new(), grouped: Vec::new(), waiting: Vec::new() };
        let mut deliveries = Vec::with_capacity(self.0.len());
        for sink in &self.0 {
            let (sender, receiver) = unbounded_channel();
            match sink.timing() {
                Timing::Immediate => outbox.immediate.push(sender),
                Timing::Grouped => outbox.grouped.push(sender),
            }
            deliveries.push(deliver(sink.as_ref(), receiver, terms));
        }
        let delivered = async move {
            let mut delivery = Delivery::default();
            future::join_all(deliveries).await.into_iter().for_each(|one| delivery.add(one));
            (delivery.counts(), delivery.result())
        };
        (outbox, delivered)
    }

    /// Has every sink deliver what earlier deliveries left for later and what is due now.
    pub async fn flush(&self, terms: Terms) -> (DeliveryCounts, Result<(), DeliveryError>) {
        let mut delivery = Delivery::default();
        let flushed = future::join_all(self.0.iter().map(|sink| sink.flush(terms))).await;
        flushed.into_iter().for_each(|one| delivery.add(one));
        (delivery.counts(), delivery.result())
    }

    /// Delivers findings that are complete.
    pub async fn deliver(&self, findings: Vec<Finding>, terms: Terms) -> (DeliveryCounts, Result<(), DeliveryError>) {
        let (mut outbox, delivered) = self.open(terms);
        findings.into_iter().for_each(|finding| outbox.put(Arc::new(finding)));
        drop(outbox);
        delivered.await
    }
}

/// Delivers batches until the outbox is dropped.
async fn deliver(sink: &dyn Sink, arriving: UnboundedReceiver<Vec<Arc<Finding>>>, terms: Terms) -> Delivery {
    match sink.timing() {
        Timing::Immediate => deliver_batches(sink, arriving, terms).await,
        Timing::Grouped => deliver_groups(sink, arriving, terms).await,
    }
}

/// Delivers single findings. Those that have arrived meanwhile share a batch.
async fn deliver_batches(
    sink: &dyn Sink,
    mut arriving: UnboundedReceiver<Vec<Arc<Finding>>>,
    terms: Terms,
) -> Delivery {
    let (mut delivery, mut batches) = (Delivery::default(), Vec::new());
    while arriving.recv_many(&mut batches, MAX_BATCH).await > 0 {
        let findings: Vec<Arc<Finding>> = batches.drain(..).flatten().collect();
        delivery.add(sink.deliver(&findings, terms).await);
    }
    delivery
}

/// Delivers groups, each as a whole. A group that takes long does not hold up the next one.
async fn deliver_groups(sink: &dyn Sink, mut arriving: UnboundedReceiver<Vec<Arc<Finding>>>, terms: Terms) -> Delivery {
    let (mut delivery, mut groups) = (Delivery::default(), FuturesUnordered::new());
    loop {
        tokio::select! {
            group = arriving.recv() => match group {
                Some(findings) => groups.push(async move { sink.deliver(&findings, terms).await }),
                None => break,
            },
            Some(delivered) = groups.next() => delivery.add(delivered),
        }
    }
    while let Some(delivered) = groups.next().await {
        delivery.add(delivered);
    }
    delivery
}

/// Takes the findings of one payload in the order in which they arise.
#[derive(Debug)]
pub struct Outbox {
    immediate: Vec<UnboundedSender<Vec<Arc<Finding>>>>,
    grouped: Vec<UnboundedSender<Vec<Arc<Finding>>>>,
    /// Findings that belong to the next group.
    waiting: Vec<Arc<Finding>>,
}

impl Outbox {
    /// Hands a finding over. Sinks that combine findings receive it with the next group.
    pub fn put(&mut self, finding: Arc<Finding>) {
        for sender in &self.immediate {
            // The receivers live as long as the future that delivers. Without it nothing is delivered anyway.
            let _ = sender.send(vec![Arc::clone(&finding)]);
        }
        self.waiting.push(finding);
    }

    /// Ends a group: all findings since the last one. Dropping the outbox does the same.
    pub fn end_group(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let group = mem::take(&mut self.waiting);
        for sender in &self.grouped {
            let _ = sender.send(group.clone());
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.end_group();
    }
}
