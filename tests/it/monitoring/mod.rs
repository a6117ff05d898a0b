//! Dashboards, alerts and runbooks, without a Prometheus.

mod alerts;
mod dashboards;
mod expressions;
