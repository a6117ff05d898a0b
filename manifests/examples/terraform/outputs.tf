output "cilium_enabled" {
  description = "Whether to enable Cilium."
  value       = local.cilium_enabled
}

output "warning" {
  description = "What the policy warns of; empty: of nothing."
  value       = local.answer.warning
}

output "recommendation" {
  description = "keep, enable_cilium, migrate_node_by_node or blocked."
  value       = local.answer.recommendation
}

output "why" {
  description = "Why that is recommended."
  value       = local.answer.recommendation_why
}

output "answer" {
  description = "Everything that bpfready said, as strings."
  value       = local.answer
}
