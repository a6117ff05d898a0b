# Asks the live cluster, before an apply, what its compute types allow.
#
# The counterpart of a rule on paper:
#
#   cilium_enabled = var.enable_cilium && !var.enable_fargate
#
# With policy = "strict-cluster-wide" the answer is exactly that, with what the cluster itself says
# about Fargate where enable_fargate is null. With "advisory" Fargate does not forbid Cilium on the
# other nodes; what does not work together is told as findings.
#
# The cluster has to be there: where one configuration also makes it, decide by the variables at the
# first apply and leave this module out (count = 0). Without an answer the plan fails, with the reason.

terraform {
  required_version = ">= 1.5"
  required_providers {
    external = {
      source  = "hashicorp/external"
      version = ">= 2.3"
    }
  }
}

data "external" "bpfready" {
  program = [var.program, "cluster", "--output", "terraform"]

  # All values are strings; an empty one is as good as none.
  query = {
    kubeconfig     = var.kubeconfig
    context        = var.context
    policy         = var.policy
    target_cilium  = var.target_cilium
    cilium_values  = var.cilium_values
    enable_cilium  = var.enable_cilium == null ? "" : tostring(var.enable_cilium)
    enable_fargate = var.enable_fargate == null ? "" : tostring(var.enable_fargate)
  }
}

locals {
  answer = data.external.bpfready.result

  # "unknown" is neither: what could not be told enables nothing, and the check below says so.
  cilium_enabled = local.answer.cilium_enabled == "true"
}

check "answer_is_known" {
  assert {
    condition     = local.answer.cilium_enabled != "unknown"
    error_message = "bpfready could not tell whether Cilium may be enabled: ${local.answer.recommendation_why}"
  }
}

check "policy" {
  assert {
    condition     = local.answer.warning == ""
    error_message = local.answer.warning
  }
}

check "every_node_can_run_it" {
  assert {
    condition     = !local.cilium_enabled || local.answer.nodes_incapable == "0"
    error_message = "Cilium ${local.answer.target_cilium} cannot run on ${local.answer.nodes_incapable} nodes."
  }
}
