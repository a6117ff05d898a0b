//! Arguments that do not go together. Checked here and not by clap, for which a variable that says
//! `false` is there all the same.

use anyhow::bail;

use super::Args;

/// What cannot be done as it was asked for.
///
/// # Errors
///
/// What contradicts what, and the way out.
pub(super) fn check(args: &Args) -> anyhow::Result<()> {
    if args.standalone && args.gate.is_some() {
        bail!(
            "--gate takes a taint from the Node, which --standalone never touches: the taint would \
             stay for ever. Leave one of them out"
        );
    }
    if args.standalone && args.secure {
        bail!(
            "--secure asks the API server who may read, which --standalone does without. \
             --tls-cert and --tls-key alone give TLS"
        );
    }
    if !args.standalone && args.node().is_none() {
        bail!(
            "--node-name is needed to write to a Node (in a pod: BPFREADY_NODE_NAME from \
             spec.nodeName); with --standalone it is not"
        );
    }
    Ok(())
}

/// What has no effect, or one that nobody may have meant.
pub(super) fn doubts(args: &Args) -> Vec<&'static str> {
    let is_recorded = args.host.is_recorded();
    let doubts = [
        (
            args.standalone && args.kubeconfig.is_some(),
            "--kubeconfig is not used: --standalone speaks to no API server",
        ),
        (
            is_recorded && !args.standalone,
            "what --recording says of another machine is written to this Node",
        ),
        (
            is_recorded && args.state_dir.is_some(),
            "--state-dir is not used: a --recording has its answers in itself",
        ),
        (
            is_recorded && args.statistics,
            "--statistics has nothing to switch on: in a --recording no program runs",
        ),
        (
            args.secure && args.tls_cert.is_none(),
            "without --tls-cert clients cannot tell this agent from another (--secure)",
        ),
    ];
    doubts.into_iter().filter_map(|(holds, doubt)| holds.then_some(doubt)).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &str) -> Args {
        let words = ["agent"].into_iter().chain(line.split_whitespace());
        Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}")).args
    }

    #[track_caller]
    fn refused(line: &str, flags: &[&str]) {
        let error = check(&args(line)).unwrap_err().to_string();
        assert!(flags.iter().all(|it| error.contains(it)), "{line}: {error}");
    }

    #[track_caller]
    fn doubted(line: &str, flags: &[&str]) {
        let args = args(line);
        check(&args).unwrap();
        let doubts = doubts(&args);
        let [doubt] = doubts[..] else { panic!("{line}: {doubts:?}") };
        assert!(flags.iter().all(|it| doubt.contains(it)), "{line}: {doubt}");
    }

    #[test]
    fn what_needs_the_api_server_does_not_go_without() {
        refused("--standalone --gate ebpf", &["--gate", "--standalone"]);
        refused("--standalone --gate cilium --node-name a", &["--gate", "--standalone"]);
        refused("--standalone --secure", &["--secure", "--standalone", "--tls-cert"]);
        refused("", &["--node-name", "--standalone"]);
        refused("--gate ebpf --kubeconfig /k", &["--node-name"]);
        // A variable of a manifest whose value came out empty.
        refused("--node-name=", &["--node-name"]);
    }

    #[test]
    fn what_has_no_effect_is_told() {
        doubted("--standalone --kubeconfig /k", &["--kubeconfig", "--standalone"]);
        doubted("--node-name a --recording /r", &["--recording"]);
        doubted("--standalone --recording /r --state-dir /s", &["--state-dir", "--recording"]);
        doubted("--standalone --recording /r --statistics", &["--statistics", "--recording"]);
        doubted("--node-name a --secure", &["--tls-cert", "--secure"]);
    }

    #[test]
    fn what_goes_together_is_taken_without_a_word() {
        for line in [
            "--standalone",
            "--standalone --node-name a --listen :0 --programs --statistics",
            "--standalone --tls-cert /c --tls-key /k",
            "--standalone --nfd-dir /n --textfile-dir /t --state-dir /s --prefix example.org",
            "--node-name a --gate cilium --target-cilium 1.18 --cilium-values /v",
            "--node-name a --secure --tls-cert /c --tls-key /k --kubeconfig /k",
            "--node-name a --root /host --state-dir /s --heartbeat 1m --spread 10s",
        ] {
            let args = args(line);
            check(&args).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(doubts(&args), [""; 0], "{line}");
        }
    }

    #[test]
    fn clap_refuses_what_is_half_or_double() {
        for line in [
            "--standalone --tls-cert /c",
            "--standalone --tls-key /k",
            "--standalone --root /host --recording /r",
            "--standalone --max-connections 0",
            "--standalone --interval 10000000h",
            "--node-name Not_A_Name",
        ] {
            let words = ["agent"].into_iter().chain(line.split_whitespace());
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
