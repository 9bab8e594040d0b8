//! The nodes of a YAML document with their lines, for diagnostics.
//!
//! The Sigma parser, which reads rules, does not keep positions. To locate a diagnostic, the text is parsed again here.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Maximum number of nodes, including those that aliases repeat. Further nodes are ignored.
const MAX_NODES: usize = 1_000_000;

/// A YAML node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct Node {
    /// Its line, from 1.
    pub(in crate::rules) line: usize,
    pub(in crate::rules) content: Content,
}

/// The content of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) enum Content {
    Scalar {
        text: String,
        /// Whether it is written without quotes. YAML may then read it as a number, boolean or null.
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Returns the text of a scalar.
    pub(in crate::rules) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Returns the keys and values of a map.
    pub(in crate::rules) fn entries(&self) -> &[(Self, Self)] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::Scalar { .. } | Content::List(_) => &[],
        }
    }

    /// Returns the elements of a list.
    pub(in crate::rules) fn elements(&self) -> &[Self] {
        match &self.content {
            Content::List(elements) => elements,
            Content::Scalar { .. } | Content::Map(_) => &[],
        }
    }

    /// Returns the elements of a list, and otherwise the node itself.
    pub(in crate::rules) fn alternatives(&self) -> &[Self] {
        match &self.content {
            Content::List(elements) => elements,
            Content::Scalar { .. } | Content::Map(_) => std::slice::from_ref(self),
        }
    }

    /// Returns the entry of a map with this key.
    pub(in crate::rules) fn entry(&self, key: &str) -> Option<&(Self, Self)> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key))
    }

    /// Returns the value of a map at this key.
    pub(in crate::rules) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Returns the line and value of the last key or element of a path that exists.
    pub(in crate::rules) fn find<S: AsRef<str>>(&self, path: &[S]) -> (usize, &Self) {
        let mut found = (self.line, self);
        for step in path.iter().map(AsRef::as_ref) {
            let element = || found.1.elements().get(step.parse::<usize>().ok()?);
            let next = match found.1.entry(step) {
                Some((key, value)) => Some((key.line, value)),
                None => element().map(|element| (element.line, element)),
            };
            let Some(next) = next else { break };
            found = next;
        }
        found
    }

    /// Whether YAML reads a scalar as a number, boolean or null instead of a string.
    pub(in crate::rules) fn is_non_string(&self) -> bool {
        match &self.content {
            Content::Scalar { text, plain: true } => {
                yaml_serde::from_str::<yaml_serde::Value>(text).is_ok_and(|value| !value.is_string())
            }
            _ => false,
        }
    }
}

/// A collection that is not complete yet.
struct OpenCollection {
    line: usize,
    anchor: usize,
    nodes: Vec<Node>,
    is_map: bool,
    /// Number of nodes in it.
    size: usize,
}

impl OpenCollection {
    fn close(self) -> Node {
        let content = if self.is_map {
            let mut nodes = self.nodes.into_iter();
            Content::Map(std::iter::from_fn(|| nodes.next().zip(nodes.next())).collect())
        } else {
            Content::List(self.nodes)
        };
        Node { line: self.line, content }
    }
}

/// Parses the documents of a text, up to the first error.
pub(in crate::rules) fn documents(text: &str) -> Vec<Node> {
    let mut documents = Vec::new();
    let mut open: Vec<OpenCollection> = Vec::new();
    let mut anchors: HashMap<usize, (Node, usize)> = HashMap::new();
    let mut total = 0;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let line = span.start.line();
        let (anchor, node, size) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let content = Content::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                (anchor, Node { line, content }, 1)
            }
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some((node, size)) if total + size <= MAX_NODES => (0, Node { line, ..node.clone() }, *size),
                _ => break,
            },
            Event::SequenceStart(anchor, _) => {
                open.push(OpenCollection { line, anchor, nodes: Vec::new(), is_map: false, size: 1 });
                continue;
            }
            Event::MappingStart(anchor, _) => {
                open.push(OpenCollection { line, anchor, nodes: Vec::new(), is_map: true, size: 1 });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(collection) => {
                    let (anchor, size) = (collection.anchor, collection.size);
                    (anchor, collection.close(), size)
                }
                None => break,
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                continue;
            }
        };
        if anchor > 0 {
            anchors.insert(anchor, (node.clone(), size));
        }
        match open.last_mut() {
            Some(parent) => {
                parent.size += size;
                parent.nodes.push(node);
            }
            None => documents.push(node),
        }
        total += size;
        if total > MAX_NODES {
            break;
        }
    }
    documents
}

/// Returns the line of the key at a path, in the first document that contains it.
pub(in crate::rules) fn line_of(documents: &[Node], path: &[&str]) -> Option<usize> {
    let (last, parent) = path.split_last()?;
    documents.iter().find_map(|document| {
        let parent = parent.iter().try_fold(document, |node, step| node.get(step))?;
        parent.entry(last).map(|(key, _)| key.line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_lines() {
        let text = "a: 1\nb:\n  - c: '1'\n    d: |\n      x\n  - &e [f]\ng: *e\n---\nh: {i: j}\n";
        let documents = documents(text);
        assert_eq!(documents.len(), 2);
        let line = |path: &[&str]| documents[0].find(path).0;
        assert_eq!([line(&["a"]), line(&["b", "0", "d"]), line(&["b", "1", "0"]), line(&["g"])], [1, 4, 6, 7]);
        assert_eq!(line(&["b", "0", "missing", "x"]), 3);
        assert_eq!(documents[1].find(&["h", "i"]).0, 9);
        assert!(documents[0].find(&["a"]).1.is_non_string() && !documents[0].find(&["b", "0", "c"]).1.is_non_string());
        assert_eq!(documents[0].get("g").unwrap().elements()[0].text(), Some("f"));
    }

    #[test]
    fn aliases_of_aliases_are_bounded() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let below = vec![format!("*a{}", level - 1); 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(super::documents(&text).is_empty());
    }
}
