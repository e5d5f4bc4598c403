//! Why a command could not be started in a container, in the words of the engine and of its runtime; and what to do.

/// What the runtime tells on a command's output of one that it could not start.
pub(super) fn refusal(exit: i64, stdout: &str) -> Option<String> {
    if !matches!(exit, 126 | 127) {
        return None;
    }
    let told = stdout.trim();
    if ["unable to find user ", "unable to find group "]
        .iter()
        .any(|begin| told.starts_with(begin))
    {
        return Some(told.to_owned());
    }
    let runtime = told
        .strip_prefix("OCI runtime exec failed: ")
        .or_else(|| told.strip_prefix("exec failed: "))?;
    // What it was about comes last: `exec failed: unable to start container process: exec: "x": not found: unknown`.
    let why = runtime.rsplit_once("process: ").map_or(runtime, |(_, why)| why);
    let why = why.strip_prefix("exec failed: ").unwrap_or(why);
    Some(why.strip_suffix(": unknown").unwrap_or(why).to_owned())
}

/// What to do about it: the first of these that it speaks of.
const HINTS: [(&str, &str); 8] = [
    (
        "not manually attachable",
        "an overlay network takes in containers of no service only where its file says so of it: `attachable: true`",
    ),
    (
        "unable to find user",
        "the user has to be in the image's /etc/passwd, or be a number",
    ),
    (
        "unable to find group",
        "the group has to be in the image's /etc/group, or be a number",
    ),
    ("chdir to cwd", "`workdir` has to be a folder of the container"),
    (
        "executable file not found in $PATH",
        "it is not in the image's PATH: a list is taken word by word, and a text is run by `sh -c`, which has to be there, too",
    ),
    (
        "permission denied",
        "it is no program there, or that user may not run it",
    ),
    (
        "no such file or directory",
        "it has to be in the container: it, and what its first line `#!` names",
    ),
    (
        "exec format error",
        "it is a program for another architecture, or a script without a first line `#!`",
    ),
];

/// The same of a service, whose command stands in the stack's files: no shell reads it there.
const OF_SERVICES: [(&str, &str); 2] = [
    (
        "executable file not found in $PATH",
        "it is not in the image's PATH: no shell reads the `command` of a service, `command: [sh, -c, …]` has one do it",
    ),
    ("chdir to cwd", "`working_dir` has to be a folder of the container"),
];

/// What to do about a service whose container could not be started, where that is for its command or its user.
pub(super) fn hint_of_service(why: &str) -> Option<&'static str> {
    let is_its_own = ["exec: ", "unable to find user", "unable to find group"]
        .iter()
        .any(|said| why.contains(said));
    let own = OF_SERVICES.iter().find(|(about, _)| why.contains(about));
    let own = own.map(|(_, hint)| *hint);
    own.or_else(|| hint(why).filter(|_| is_its_own))
}

/// What to do about a command that could not be started.
pub(super) fn hint(why: &str) -> Option<&'static str> {
    let found = HINTS.iter().find(|(about, _)| why.contains(about));
    found.map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::{hint, hint_of_service, refusal};

    fn check(exit: i64, stdout: &str, expected: Option<&str>) {
        assert_eq!(refusal(exit, stdout).as_deref(), expected, "{stdout}");
    }

    #[test]
    fn a_missing_command_is_told_by_the_runtime() {
        let old = "OCI runtime exec failed: exec failed: container_linux.go:380: starting container process caused: exec: \"x\": executable file not found in $PATH: unknown\r\n";
        let new = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"x\": executable file not found in $PATH: unknown";
        let why = Some("exec: \"x\": executable file not found in $PATH");
        check(126, new, why);
        check(127, new, why);
        check(
            126,
            old,
            Some(
                "container_linux.go:380: starting container process caused: exec: \"x\": executable file not found in $PATH",
            ),
        );
        check(0, new, None);
        check(127, "sh: x: not found", None);
        let user = "unable to find user x: no matching entries in passwd file";
        check(126, &format!("{user}\r\n"), Some(user));
        check(1, user, None);
    }

    fn check_hint(why: &str, expected: Option<&str>) {
        assert!(
            match expected {
                Some(expected) => hint(why).is_some_and(|hint| hint.contains(expected)),
                None => hint(why).is_none(),
            },
            "{why}: {:?}",
            hint(why)
        );
    }

    #[test]
    fn a_service_is_helped_in_the_words_of_its_file() {
        let told = |why: &str, expected: &str| {
            let hint = hint_of_service(why).unwrap_or_default();
            assert!(
                hint.contains(expected) && hint.is_empty() == expected.is_empty(),
                "{why}: {hint}"
            );
        };
        told(
            "exec: \"x\": executable file not found in $PATH: unknown",
            "[sh, -c, …]",
        );
        told(
            "chdir to cwd (\"/x\") set in config.json failed: no such file or directory",
            "`working_dir`",
        );
        told(
            "unable to find user x: no matching entries in passwd file",
            "/etc/passwd",
        );
        told(
            "exec: \"/x\": stat /x: no such file or directory: unknown",
            "in the container",
        );
        told("error mounting \"/x\" to rootfs: no such file or directory", "");
        told("bind: permission denied", "");
    }

    #[test]
    fn what_to_do_is_told_by_the_cause() {
        check_hint(
            "exec: \"foo\": executable file not found in $PATH",
            Some("image's PATH"),
        );
        check_hint(
            "chdir to cwd (\"/x\") set in config.json failed: no such file or directory",
            Some("`workdir`"),
        );
        check_hint(
            "exec: \"/x\": stat /x: no such file or directory",
            Some("in the container"),
        );
        check_hint(
            "unable to find user x: no matching entries in passwd file",
            Some("/etc/passwd"),
        );
        check_hint(
            "Could not attach to network a_front: rpc error: code = PermissionDenied desc = network a_front not manually attachable",
            Some("`attachable: true`"),
        );
        check_hint("no space left on device", None);
    }
}
