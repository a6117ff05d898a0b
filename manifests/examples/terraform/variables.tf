variable "program" {
  description = "The bpfready binary."
  type        = string
  default     = "bpfready"
}

variable "kubeconfig" {
  description = "Path of a kubeconfig; empty: $KUBECONFIG or ~/.kube/config."
  type        = string
  default     = ""
}

variable "context" {
  description = "The kubeconfig's context; empty: its current one."
  type        = string
  default     = ""
}

variable "policy" {
  description = "advisory, or strict-cluster-wide: any Fargate forbids Cilium."
  type        = string
  default     = "advisory"

  validation {
    condition     = contains(["advisory", "strict-cluster-wide"], var.policy)
    error_message = "Expected advisory or strict-cluster-wide."
  }
}

variable "target_cilium" {
  description = "The Cilium release in question, such as 1.18; empty: what is installed, else the newest known."
  type        = string
  default     = ""
}

variable "cilium_values" {
  description = "Path of Helm values that every node is judged by; empty: none."
  type        = string
  default     = ""
}

variable "enable_cilium" {
  description = "Whether Cilium is wanted; null: whether it is set up."
  type        = bool
  default     = null
}

variable "enable_fargate" {
  description = "Whether Fargate is wanted; null: whether it is there."
  type        = bool
  default     = null
}
