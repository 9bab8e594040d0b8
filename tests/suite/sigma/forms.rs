//! The hard forms of Sigma, with verdicts written by hand.
