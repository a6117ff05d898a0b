//! `kubectl apply` of everything that is shipped, on a real API server: `KUBEBUILDER_ASSETS`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use bpfready_tests::apiserver::ApiServer;
use serde_json::Value;

use super::documents::{OVERLAYS, kustomized, templated_text};

/// `kubectl` as an administrator.
pub(super) struct Kubectl(tempfile::TempDir);

impl Kubectl {
    /// `None` where the API server is in this process: no kubectl speaks to that.
    pub(super) fn new(server: &ApiServer) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config"), server.kubectl()?).unwrap();
        Some(Self(dir))
    }

    /// Applies a kustomization, and gives back one line for each object.
    pub(super) fn apply_overlay(&self, name: &str) -> Vec<String> {
        let dir = bpfready_tests::root().join("manifests/overlays").join(name);
        self.run(
            &["apply", "--validate=strict", "-k", dir.to_str().unwrap()],
            Path::new("/dev/null"),
        )
    }

    fn apply_text(&self, text: &str) -> Vec<String> {
        let file = self.0.path().join("objects.yaml");
        std::fs::write(&file, text).unwrap();
        self.run(&["apply", "--validate=strict", "-f", "-"], &file)
    }

    /// What an apply of this text would change, as a unified diff.
    fn difference(&self, text: &str) -> String {
        let file = self.0.path().join("objects.yaml");
        std::fs::write(&file, text).unwrap();
        let output = self.command(&["diff", "-f", "-"], &file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // 1 is "there are differences", https://kubernetes.io/docs/reference/kubectl/generated/kubectl_diff
        assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The object as the API server has it.
    fn get(&self, document: &Value) -> Value {
        let word = |pointer| document.pointer(pointer).and_then(Value::as_str).unwrap();
        let name = format!("{}/{}", word("/kind"), word("/metadata/name"));
        let output = self.command(&["get", &name, "-o", "json"], Path::new("/dev/null")).output();
        serde_json::from_slice(&output.unwrap().stdout).unwrap()
    }

    /// A command line as somebody types it at the root of the checkout.
    pub(super) fn shell(&self, line: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(bpfready_tests::root()).stdin(Stdio::null());
        shell.env("KUBECONFIG", self.0.path().join("config")).env("HOME", self.0.path());
        shell.output().unwrap()
    }

    fn command(&self, args: &[&str], stdin: &Path) -> Command {
        let mut kubectl = Command::new("kubectl");
        kubectl.arg("--kubeconfig").arg(self.0.path().join("config"));
        kubectl.arg("--cache-dir").arg(self.0.path().join("cache")).args(args);
        kubectl.stdin(Stdio::from(std::fs::File::open(stdin).unwrap()));
        kubectl
    }

    /// What it says on stdout, by line. A warning of the API server is a failure.
    fn run(&self, args: &[&str], stdin: &Path) -> Vec<String> {
        let output = self.command(args, stdin).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        // Namespaces stay from test to test, and not all tests make them by kubectl.
        let is_known = |it: &&str| it.starts_with("Warning: resource namespaces/");
        assert_eq!(said.lines().find(|it| !is_known(it)), None, "{args:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Kinds that a cluster has from others, as far as the manifests need them there.
pub(super) async fn define_kinds_of_others(server: &ApiServer) {
    for (group, kind, plural, scope) in [
        ("monitoring.coreos.com", "PodMonitor", "podmonitors", "Namespaced"),
        ("monitoring.coreos.com", "PrometheusRule", "prometheusrules", "Namespaced"),
        ("karpenter.sh", "NodePool", "nodepools", "Cluster"),
    ] {
        server.create(&ApiServer::definition(group, kind, plural, scope, &["v1"])).await;
    }
}

/// One over the other, as somebody who changes their mind does; the chart then changes nothing.
#[tokio::test]
async fn every_overlay_is_applied_and_the_chart_finds_nothing_to_change() {
    let server = ApiServer::start().await;
    let Some(kubectl) = Kubectl::new(&server) else {
        eprintln!("not tried: KUBEBUILDER_ASSETS names no real API server");
        return;
    };
    define_kinds_of_others(&server).await;
    for name in OVERLAYS {
        let documents = kustomized(&format!("overlays/{name}"));
        documents.iter().for_each(|it| server.adopt(it));
        assert_eq!(kubectl.apply_overlay(name).len(), documents.len(), "{name}");
        // The same objects by `helm template | kubectl apply -f -`.
        assert_eq!(kubectl.difference(&templated_text(name)), "", "{name}");
        assert_eq!(kubectl.apply_text(&templated_text(name)).len(), documents.len(), "{name}");
        let policies = documents.iter().filter(|it| is_of_admission(it));
        policies.for_each(|it| assert_eq!(kubectl.get(it)["spec"], it["spec"], "{name}"));
    }
}

/// Kinds of which GitOps tools do not know what the API server fills in: whatever it adds stays
/// "out of sync".
fn is_of_admission(document: &Value) -> bool {
    document["kind"].as_str().is_some_and(|it| it.starts_with("ValidatingAdmissionPolicy"))
}
