//! From rule files to what can be evaluated: files and documents, headers, attributes, settings, and diagnostics about them.

pub(super) mod attributes;
pub(super) mod body;
pub(super) mod cases;
pub(super) mod check;
pub(super) mod condition;
pub(super) mod culprit;
pub(super) mod diagnostic;
pub(super) mod files;
pub(super) mod header;
pub(super) mod operations;
pub(super) mod parser;
pub(super) mod settings;
pub(super) mod spelling;
pub(super) mod yaml;
