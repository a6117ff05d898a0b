//! The controller and `bpfready cluster` on an API server: the one in this process, or a real one
//! by `KUBEBUILDER_ASSETS`; with exactly the rights of `manifests/base`.

mod agents;
mod answers;
mod fleet;
mod kinds;
mod process;
mod serves;
mod stages;
mod thrift;
