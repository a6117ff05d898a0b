//! The admission policies, evaluated by a CEL interpreter on the requests that the API server
//! would ask about. `api_server` asks a real one the same.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use cel::{Context, Env, Value as Cel};
use serde_json::{Value, json};

use super::documents::kustomized;

const NODE_CLAIM: &str = "authentication.kubernetes.io/node-name";

/// One request that changes something, as a policy sees it.
struct Request {
    operation: &'static str,
    group: &'static str,
    /// With the subresource, if any: `nodes/status`.
    resource: &'static str,
    user: &'static str,
    /// The node's name in the token.
    claim: Option<&'static str>,
    before: Value,
    after: Value,
}

impl Request {
    fn update(resource: &'static str, user: &'static str, before: Value, after: Value) -> Self {
        let group = if resource == "nodepools" { "karpenter.sh" } else { "" };
        let claim = (user == "agent").then_some("node-a");
        Self { operation: "UPDATE", group, resource, user, claim, before, after }
    }

    fn words(&self) -> Value {
        let extra = self.claim.map(|it| json!({NODE_CLAIM: [it]}));
        let mut user =
            json!({"username": format!("system:serviceaccount:bpfready:bpfready-{}", self.user)});
        if let Some(extra) = extra {
            user["extra"] = extra;
        }
        let object = if self.after.is_null() { &self.before } else { &self.after };
        let mut words = json!({
            "operation": self.operation, "userInfo": user, "name": object["metadata"]["name"],
        });
        if let Some((_, part)) = self.resource.split_once('/') {
            words["subResource"] = part.into();
        }
        words
    }

    /// The messages of the validations that do not hold; empty: allowed.
    fn refusals(&self) -> Vec<String> {
        let policies = policies().iter().filter(|it| self.is_governed_by(it));
        policies.flat_map(|it| self.refusals_of(it)).collect()
    }

    fn is_governed_by(&self, policy: &Value) -> bool {
        let has = |list: &Value, word: &str| {
            list.as_array().unwrap().iter().any(|it| it == word || it == "*")
        };
        let rules = policy["spec"]["matchConstraints"]["resourceRules"].as_array().unwrap();
        let is_in = |rule: &Value| {
            let (kind, part) = self.resource.split_once('/').unwrap_or((self.resource, ""));
            let any_part = !part.is_empty() && has(&rule["resources"], &format!("{kind}/*"));
            has(&rule["apiGroups"], self.group)
                && has(&rule["operations"], self.operation)
                && (has(&rule["resources"], self.resource) || any_part)
        };
        let context = self.context();
        let conditions = policy["spec"]["matchConditions"].as_array().unwrap();
        rules.iter().any(is_in)
            && conditions.iter().all(|it| evaluate(it, &context) == Ok(Cel::Bool(true)))
    }

    fn refusals_of(&self, policy: &Value) -> Vec<String> {
        let mut context = self.context();
        let mut variables = HashMap::new();
        for variable in policy["spec"]["variables"].as_array().unwrap() {
            // One that cannot be had fails where it is used, as in the API server.
            if let Ok(value) = evaluate(variable, &context) {
                variables.insert(variable["name"].as_str().unwrap().to_owned(), value);
            }
            context.add_variable_from_value("variables", variables.clone());
        }
        let holds = |it: &&Value| evaluate(it, &context) == Ok(Cel::Bool(true));
        let validations = policy["spec"]["validations"].as_array().unwrap();
        let broken = validations.iter().filter(|it| !holds(it));
        broken.map(|it| it["message"].as_str().unwrap().to_owned()).collect()
    }

    fn context(&self) -> Context<'static, 'static> {
        let mut context = Context::with_env(environment());
        for (name, value) in
            [("request", &self.words()), ("oldObject", &self.before), ("object", &self.after)]
        {
            context.add_variable(name, cel::to_value(value).unwrap()).unwrap();
        }
        context
    }
}

fn environment() -> Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| Arc::new(Env::stdlib())).clone()
}

fn evaluate(it: &Value, context: &Context<'_, '_>) -> Result<Cel, String> {
    let expression = it["expression"].as_str().unwrap();
    let program =
        environment().compile(expression).unwrap_or_else(|it| panic!("{it}: {expression}"));
    program.execute(context).map_err(|it| it.to_string())
}

fn policies() -> &'static [Value] {
    static POLICIES: OnceLock<Vec<Value>> = OnceLock::new();
    POLICIES.get_or_init(|| {
        let mut documents = kustomized("overlays/nodepool-labels");
        documents.retain(|it| it["kind"] == "ValidatingAdmissionPolicy");
        assert_eq!(documents.len(), 4);
        documents
    })
}

fn node() -> Value {
    json!({
        "metadata": {
            "name": "node-a", "uid": "1", "resourceVersion": "7",
            "labels": {"kubernetes.io/os": "linux", "bpfready.io/expect-datapath": "cilium", "bpfready.io/ebpf": "full"},
        },
        "spec": {
            "providerID": "aws:///a/i-1",
            "taints": [
                {"key": "bpfready.io/not-ready", "effect": "NoSchedule"},
                {"key": "node.cilium.io/agent-not-ready", "value": "true", "effect": "NoExecute"},
            ],
        },
        "status": {
            "capacity": {"cpu": "4"},
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "bpfready.io/EbpfReady", "status": "True"}],
        },
    })
}

fn fargate_node() -> Value {
    json!({
        "metadata": {"name": "fargate-ip-10-0-0-1", "labels": {"eks.amazonaws.com/compute-type": "fargate"}},
        "spec": {"taints": [{"key": "eks.amazonaws.com/compute-type", "value": "fargate", "effect": "NoSchedule"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    })
}

fn fargate_pod() -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "eks.amazonaws.com/fargate-profile": "shop"}},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        "status": {"phase": "Running"},
    })
}

fn node_pool() -> Value {
    json!({
        "metadata": {"name": "general", "annotations": {"karpenter.sh/nodepool-hash": "1"}},
        "spec": {"template": {"metadata": {"labels": {}}}},
        "status": {"nodes": 3},
    })
}

/// The object with one place changed; `null` takes it away.
fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    if object.pointer(parent).is_none() {
        let (above, name) = parent.rsplit_once('/').unwrap();
        object.pointer_mut(above).unwrap()[name] = json!({});
    }
    match object.pointer_mut(parent).unwrap() {
        Value::Object(it) if value.is_null() => drop(it.remove(&key)),
        Value::Array(it) if value.is_null() => drop(it.remove(key.parse().unwrap())),
        Value::Array(it) => it.push(value),
        it => it[key.as_str()] = value,
    }
    object
}

#[track_caller]
fn allowed(resource: &'static str, user: &'static str, object: Value, pointer: &str, value: Value) {
    let request = Request::update(resource, user, object.clone(), with(object, pointer, value));
    assert_eq!(request.refusals(), Vec::<String>::new(), "{user}: {pointer}");
}

#[track_caller]
fn refused(resource: &'static str, user: &'static str, object: Value, pointer: &str, value: Value) {
    let request = Request::update(resource, user, object.clone(), with(object, pointer, value));
    let refusals = request.refusals();
    assert!(!refusals.is_empty(), "{user}: {pointer} was let through");
    let word = format!("the {user} ");
    assert!(refusals.iter().all(|it| it.starts_with(&word)), "{user}: {pointer}: {refusals:?}");
}

#[test]
fn the_agent_changes_what_is_ours_on_its_node() {
    allowed("nodes", "agent", node(), "/metadata/labels/bpfready.io~1ebpf", json!("none"));
    allowed("nodes", "agent", node(), "/metadata/labels/bpfready.io~1datapath", json!("cilium"));
    allowed("nodes", "agent", node(), "/metadata/labels/bpfready.io~1ebpf", Value::Null);
    allowed("nodes", "agent", node(), "/metadata/annotations/bpfready.io~1x", json!("y"));
    allowed("nodes", "agent", node(), "/metadata/resourceVersion", json!("8"));
    allowed("nodes", "agent", node(), "/spec/taints/0", Value::Null);
    let ours = json!({"type": "bpfready.io/CiliumReady", "status": "Unknown"});
    allowed("nodes/status", "agent", node(), "/status/conditions/-", ours);
    allowed("nodes/status", "agent", node(), "/status/conditions/1/status", json!("False"));
}

#[test]
fn the_agent_changes_nothing_else_there() {
    for (pointer, value) in [
        ("/metadata/labels/kubernetes.io~1os", json!("windows")),
        ("/metadata/labels/kubernetes.io~1os", Value::Null),
        ("/metadata/labels/team", json!("x")),
        ("/metadata/labels/bpfready.io.example.com~1x", json!("x")),
        // What a NodePool promised: overwritten, it makes Karpenter buy nodes without end.
        ("/metadata/labels/bpfready.io~1expect-datapath", json!("aws-vpc-cni")),
        ("/metadata/labels/bpfready.io~1expect-datapath", Value::Null),
        ("/metadata/annotations/karpenter.sh~1do-not-disrupt", json!("true")),
        ("/metadata/finalizers", json!(["x/y"])),
        ("/metadata/ownerReferences", json!([{"kind": "NodeClaim"}])),
        ("/spec/taints/1", Value::Null),
        ("/spec/taints/-", json!({"key": "bpfready.io/other", "effect": "NoExecute"})),
        ("/spec/taints/1/effect", json!("NoSchedule")),
        ("/spec/unschedulable", json!(true)),
        ("/spec/providerID", json!("aws:///a/i-2")),
        ("/spec/providerID", Value::Null),
        ("/spec/a-field-to-come", json!(1)),
    ] {
        let request = |after| Request::update("nodes", "agent", node(), after);
        let refusals = request(with(node(), pointer, value)).refusals();
        assert!(!refusals.is_empty(), "{pointer} was let through");
        assert!(refusals.iter().all(|it| it.starts_with("the agent ")), "{refusals:?}");
    }
    for (pointer, value) in [
        ("/status/conditions/0/status", json!("False")),
        ("/status/conditions/0", Value::Null),
        ("/status/conditions/-", json!({"type": "KernelReady", "status": "False"})),
        ("/status/capacity/cpu", json!("400")),
        ("/status/addresses", json!([{"type": "InternalIP", "address": "10.0.0.9"}])),
        ("/status/a-field-to-come", json!(1)),
        // A patch of the status may carry labels too.
        ("/metadata/labels/team", json!("x")),
    ] {
        let after = with(node(), pointer, value);
        let refusals = Request::update("nodes/status", "agent", node(), after).refusals();
        assert!(!refusals.is_empty(), "{pointer} was let through");
    }
}

#[test]
fn the_agent_puts_no_taint_back() {
    let before = with(node(), "/spec/taints/0", Value::Null);
    refused(
        "nodes",
        "agent",
        before,
        "/spec/taints/-",
        json!({"key": "bpfready.io/not-ready", "effect": "NoSchedule"}),
    );
}

#[test]
fn a_token_of_another_node_or_of_none_changes_nothing() {
    let after = with(node(), "/metadata/labels/bpfready.io~1ebpf", json!("none"));
    for claim in [Some("node-b"), None] {
        let request = Request { claim, ..Request::update("nodes", "agent", node(), after.clone()) };
        assert_eq!(request.refusals(), ["the token is not one of a pod on this node"], "{claim:?}");
    }
}

#[test]
fn nobody_makes_or_deletes_a_node() {
    for (operation, before, after) in
        [("CREATE", Value::Null, node()), ("DELETE", node(), Value::Null)]
    {
        for user in ["agent", "controller"] {
            let request = Request {
                operation,
                ..Request::update("nodes", user, before.clone(), after.clone())
            };
            let refusals = request.refusals();
            assert!(
                refusals.contains(&format!("the {user} makes and deletes no Node")),
                "{refusals:?}"
            );
        }
    }
}

#[test]
fn the_controller_speaks_for_fargate_nodes() {
    let label = "/metadata/labels/bpfready.io~1ebpf";
    allowed("nodes", "controller", fargate_node(), label, json!("none"));
    let condition = |name| json!({"type": name, "status": "False"});
    allowed(
        "nodes/status",
        "controller",
        fargate_node(),
        "/status/conditions/-",
        condition("bpfready.io/EbpfReady"),
    );
    refused(
        "nodes/status",
        "controller",
        fargate_node(),
        "/status/conditions/-",
        condition("bpfready.io/CiliumReady"),
    );
    refused(
        "nodes/status",
        "controller",
        fargate_node(),
        "/status/conditions/0/status",
        json!("False"),
    );
    refused("nodes", "controller", fargate_node(), "/spec/taints/0", Value::Null);
    refused("nodes", "controller", fargate_node(), "/metadata/annotations/x", json!("y"));
    refused("nodes", "controller", fargate_node(), "/metadata/labels/team", json!("y"));
    refused("nodes", "controller", fargate_node(), "/spec/unschedulable", json!(true));
}

#[test]
fn the_controller_speaks_for_no_other_node() {
    refused("nodes", "controller", node(), "/metadata/labels/bpfready.io~1ebpf", json!("none"));
    let compute = "/metadata/labels/eks.amazonaws.com~1compute-type";
    let after = with(node(), compute, json!("fargate"));
    let refusals = Request::update("nodes", "controller", node(), after).refusals();
    assert!(
        refusals.contains(&"the controller writes to Fargate Nodes only".to_owned()),
        "{refusals:?}"
    );
}

#[test]
fn the_controller_sets_one_annotation_of_fargate_pods() {
    let annotation = "/metadata/annotations/bpfready.io~1ebpf";
    allowed("pods", "controller", fargate_pod(), annotation, json!("none"));
    let ec2 =
        with(fargate_pod(), "/metadata/labels/eks.amazonaws.com~1fargate-profile", Value::Null);
    refused("pods", "controller", ec2, annotation, json!("none"));
    for (pointer, value) in [
        ("/metadata/annotations/bpfready.io~1other", json!("x")),
        ("/metadata/labels/app", json!("other")),
        ("/metadata/labels/app", Value::Null),
        ("/spec/containers/0/image", json!("evil:1")),
        ("/spec/activeDeadlineSeconds", json!(1)),
        ("/status/phase", json!("Failed")),
        ("/metadata/finalizers", json!(["x/y"])),
    ] {
        refused("pods", "controller", fargate_pod(), pointer, value);
    }
}

#[test]
fn the_controller_reaches_no_subresource_of_a_pod() {
    for resource in ["pods/ephemeralcontainers", "pods/status", "pods/eviction"] {
        let request = Request::update(resource, "controller", fargate_pod(), fargate_pod());
        assert_eq!(request.refusals().len(), 1, "{resource}");
    }
}

#[test]
fn the_controller_labels_a_node_pool_and_never_touches_its_spec() {
    allowed(
        "nodepools",
        "controller",
        node_pool(),
        "/metadata/labels/bpfready.io~1datapath",
        json!("cilium"),
    );
    for (pointer, value) in [
        ("/metadata/labels/team", json!("x")),
        ("/metadata/labels/bpfready.io~1compute", json!("x")),
        ("/metadata/annotations/karpenter.sh~1nodepool-hash", json!("2")),
        ("/spec/template/metadata/labels/x", json!("y")),
        ("/spec/limits", json!({"cpu": "1"})),
        ("/status/nodes", json!(4)),
    ] {
        refused("nodepools", "controller", node_pool(), pointer, value);
    }
}

/// The policies are about two accounts, and nobody else's writes wait for them.
#[test]
fn everybody_else_is_left_alone() {
    let after = with(node(), "/spec/unschedulable", json!(true));
    assert!(Request::update("nodes", "somebody", node(), after).refusals().is_empty());
}
