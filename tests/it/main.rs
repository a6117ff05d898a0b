//! The integration tests: one binary, one file a subject.

#![expect(clippy::unwrap_used, reason = "everything in this binary is a test")]

mod agent;
mod apiserver;
mod cilium_node;
mod cli;
mod clock;
mod clusters;
mod container;
mod controller;
mod datapath;
mod docs;
mod hosts;
mod manifests;
mod monitoring;
mod node;
mod output;
mod recording;
mod reference;
mod run;
mod scrape;
mod secrets;
mod soak;
