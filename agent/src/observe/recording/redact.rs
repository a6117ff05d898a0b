//! What is taken out of a recording before it is written.
//!
//! A recording is meant to be sent with a bug report, so secrets go: values of `key=value` pairs
//! whose key names a secret (the kernel command line, mount options), the user part of URLs, bearer
//! tokens, JSON web tokens, AWS access keys, bootstrap tokens of kubeadm, private keys in PEM, the IPv6
//! addresses of `/proc/net/if_inet6` (they hold MAC addresses) and machine ids.
//!
//! What stays, because verdicts rest on it: interface names, mount points and options, module names,
//! the boot id, program names, addresses of interfaces, neighbours, routes and rules, CNI and runtime
//! configuration, and what Cilium's agent says of itself, with the node's name and the addresses and
//! names of its pods. None is a credential.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use serde_json::Value;

const REDACTED: &str = "REDACTED";

/// Each pattern keeps its groups `keep` and `end` and replaces the rest of the match.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // `CONFIG_SECRETMEM=y` names a kernel option: see `is_kernel_option`.
        r#"(?i)(?P<keep>[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|credential|api[-_]?key|access[-_]?key|private[-_]?key|luks[.-]?key)[\w.-]*=)(?:"[^"]*"|[^\s,"]+)"#,
        // JSON (CNI configuration) and TOML (registries of a container runtime).
        r#"(?i)(?P<keep>"[\w.-]*(?:(?:passw(?:or)?d|passphrase|secret|token|credential|api[-_]?key|access[-_]?key|private[-_]?key)[\w.-]*|[-_]key)"\s*:\s*")[^"]*(?P<end>")"#,
        r#"(?i)(?P<keep>\b(?:[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|credential|api[-_]?key)[\w.-]*|auth)["']?\s+=\s*["'])[^"'\n]*(?P<end>["'])"#,
        r"(?P<keep>[a-z][a-z0-9+.-]*://)[^\s/@]+(?P<end>@)",
        r"(?i)(?P<keep>\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}",
        r"(?P<keep>)\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
        r"(?P<keep>)\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"(?P<keep>)\b[a-z0-9]{6}\.[a-z0-9]{16}\b",
        // Addresses in /proc/net/if_inet6, whose presence alone matters; machine ids.
        r"(?m)(?P<keep>^)[0-9a-f]{32}\b",
        r"(?P<keep>)-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----",
    ]
    .iter()
    .map(|it| Regex::new(it).expect("the pattern is a constant that tests compile"))
    .collect()
});

/// The bytes without secrets, and how many were taken out. What is not UTF-8 text (compressed
/// kernel configuration, BTF) passes as it is: neither can hold a secret of the host.
pub(super) fn bytes(content: &[u8]) -> (Vec<u8>, usize) {
    match std::str::from_utf8(content) {
        Ok(text) => {
            let (clean, count) = redact(text);
            (clean.into_owned().into_bytes(), count)
        }
        Err(_) => (content.to_vec(), 0),
    }
}

/// Takes secrets out of every string of an answer; returns how many.
pub(super) fn value(answer: &mut Value) -> usize {
    match answer {
        Value::String(string) => {
            let (clean, count) = redact(string);
            if count > 0 {
                *string = clean.into_owned();
            }
            count
        }
        Value::Array(items) => items.iter_mut().map(value).sum(),
        Value::Object(fields) => fields.values_mut().map(value).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn redact(text: &str) -> (Cow<'_, str>, usize) {
    let mut clean = Cow::Borrowed(text);
    let mut count = 0;
    for pattern in SECRETS.iter() {
        let replaced = pattern.replace_all(&clean, |found: &Captures<'_>| {
            if is_kernel_option(found) {
                return found[0].to_owned();
            }
            count += 1;
            let end = found.name("end").map_or("", |it| it.as_str());
            format!("{}{REDACTED}{end}", &found["keep"])
        });
        if let Cow::Owned(owned) = replaced {
            clean = Cow::Owned(owned);
        }
    }
    (clean, count)
}

/// `CONFIG_SECRETMEM=y`: an option of the kernel whose name sounds like a secret.
fn is_kernel_option(found: &Captures<'_>) -> bool {
    found["keep"].starts_with("CONFIG_")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn expect(text: &str, clean: &str) {
        assert_eq!(redact(text).0, clean);
    }

    #[test]
    fn a_secret_on_the_kernel_command_line_goes_and_the_rest_stays() {
        expect(
            "root=/dev/sda1 agent.token=s3cr3t lsm=lockdown,bpf rd.luks.key=/key:UUID=1 quiet",
            "root=/dev/sda1 agent.token=REDACTED lsm=lockdown,bpf rd.luks.key=REDACTED quiet",
        );
        expect("db_password=\"two words\" ro", "db_password=REDACTED ro");
    }

    /// What Calico's installer writes, and `registry.configs` of containerd.
    #[test]
    fn secrets_of_cni_and_runtime_configuration_go_and_the_files_stay_what_they_are() {
        expect(
            r#"{"type": "calico", "policy": {"k8s_auth_token": "s3cr3t", "type": "k8s"}}"#,
            r#"{"type": "calico", "policy": {"k8s_auth_token": "REDACTED", "type": "k8s"}}"#,
        );
        // The key itself goes, the name of the file that holds one stays.
        expect(
            r#"{"etcd_key": "MHc", "etcd_key_file": "/etc/key"}"#,
            r#"{"etcd_key": "REDACTED", "etcd_key_file": "/etc/key"}"#,
        );
        expect(
            "[registry.auth]\nusername = \"u\"\npassword = 'p w'\n  auth = \"dTpw\"\nconfig_path = \"/x\"\n",
            "[registry.auth]\nusername = \"u\"\npassword = 'REDACTED'\n  auth = \"REDACTED\"\nconfig_path = \"/x\"\n",
        );
    }

    #[test]
    fn a_mount_option_is_cut_at_its_comma() {
        expect(
            "//nas/x /mnt cifs rw,username=a,password=hunter2,vers=3.0 0 0",
            "//nas/x /mnt cifs rw,username=a,password=REDACTED,vers=3.0 0 0",
        );
    }

    #[test]
    fn a_user_in_a_url_goes() {
        expect("proxy http://me:pw@proxy:3128/", "proxy http://REDACTED@proxy:3128/");
    }

    #[test]
    fn tokens_go_wherever_they_are() {
        expect("Authorization: Bearer abcdefgh12345", "Authorization: Bearer REDACTED");
        expect("x eyJhbGciOi.eyJpc3Mi.c2ln y", "x REDACTED y");
        // The example key of AWS's documentation, and the one of kubeadm's.
        expect("AKIAIOSFODNN7EXAMPLE", "REDACTED");
        expect("join abcdef.0123456789abcdef", "join REDACTED");
    }

    #[test]
    fn a_private_key_goes_with_all_its_lines() {
        let key = "a\n-----BEGIN EC PRIVATE KEY-----\nMHc\nAbc\n-----END EC PRIVATE KEY-----\nb";
        expect(key, "a\nREDACTED\nb");
    }

    /// A line of proc_net_if_inet6, see proc(5).
    #[test]
    fn an_ipv6_address_goes_and_its_interface_stays() {
        expect(
            "fe800000000000000250b6fffe1b2c3d 02 40 20 80     eth0\n",
            "REDACTED 02 40 20 80     eth0\n",
        );
    }

    #[test]
    fn kernel_options_and_what_verdicts_rest_on_stay() {
        for text in [
            "CONFIG_SECRETMEM=y\nCONFIG_CRYPTO_USER_API_HASH=m\n",
            "none /sys/fs/bpf bpf rw,relatime,mode=700,delegate_cmds=any 0 0",
            "bpf(BPF_TOKEN_CREATE): EPERM",
            "6.18.5 #1 SMP PREEMPT_DYNAMIC",
            "10.0.0.5:/export /data nfs4 rw,vers=4.2,addr=10.0.0.5 0 0",
        ] {
            expect(text, text);
        }
    }

    #[test]
    fn answers_are_cleaned_string_by_string() {
        let mut answer = json!({"token": "supported", "list": ["x", {"d": "password=abc"}]});
        assert_eq!(value(&mut answer), 1);
        let clean = json!({"token": "supported", "list": ["x", {"d": "password=REDACTED"}]});
        assert_eq!(answer, clean);
    }
}
