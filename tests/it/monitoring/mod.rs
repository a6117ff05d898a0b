//! Dashboards, alerts and runbooks: by their rules, and on a real Prometheus.

mod alerts;
mod dashboards;
mod expressions;
mod fargate;
mod labels;
mod prometheus;
mod scraped;

pub(crate) use prometheus::{Running, host};
