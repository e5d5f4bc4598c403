//! What is measured, as files: scenarios with their compose file, and the script that does the same.

use std::fmt::Write as _;
use std::fs::{create_dir_all, write};
use std::io::Result;
use std::path::{Path, PathBuf};

use crate::bare::{DB, HELLO, LABEL, LOG, WAIT, WEB};

/// A folder of the bench's own, removed with it.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// Its name, in which no two benches are alike: in the names and labels of all that is made.
    pub(crate) id: String,
    _folder: tempfile::TempDir,
}

/// The services do not heed SIGTERM (their first process is a plain one): their stop signal spares the grace period, to
/// e2erun, which like the compose tool waits for it. The script has `-t 0`.
const STOP: &str = "stop_signal: SIGKILL";

/// What the script does: the same as a scenario.
const SCRIPT: &str = r#"set -euo pipefail
compose() { docker compose -p "$1" -f compose.yml "${@:2}"; }
trap 'compose "$1" down -t 0 -v 2>/dev/null' EXIT
compose "$1" up -d
address=$(compose "$1" port web 8080)
ask() {
  exec 3<>"/dev/tcp/127.0.0.1/${address##*:}" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && grep -q HELLO <&3
} 2>/dev/null
until (ask); do sleep 0.02; done
[ "$(compose "$1" exec -T db echo hello)" = hello ]
[[ $(compose "$1" logs web) == *'listening on '[0-9]* ]]
"#;

/// Deploys a swarm stack by the docker tool, waits until it says that all is well, removes it and waits until it is gone.
const STACK: &str = r#"set -euo pipefail
gone() {
  [ -z "$(docker ps -aq --filter "label=com.docker.stack.namespace=$1")" ] &&
    [ -z "$(docker network ls -q --filter "label=com.docker.stack.namespace=$1")" ]
}
remove() { docker stack rm "$1" && until gone "$1"; do sleep 0.1; done; }
trap 'remove "$1"' ERR INT TERM
docker stack deploy --detach=false --resolve-image never -c stack.yml "$1"
remove "$1"
"#;

/// How many tasks the swarm stack has.
pub(crate) const TASKS: usize = 8;

impl Folder {
    /// Makes the folder, with the compose files and the script.
    pub(crate) fn new() -> Result<Folder> {
        let folder = tempfile::Builder::new().prefix("e2erun-bench-").tempdir()?;
        let path = folder.path().to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let id = name.to_lowercase();
        let service = |name: &str, command: &str, more: &str| {
            let command = quoted(command);
            format!(
                "  {name}:\n    image: busybox:latest\n    {STOP}\n    command: {command}\n    labels: {{{LABEL}: {id}}}\n{more}"
            )
        };
        let network = format!("networks: {{default: {{labels: {{{LABEL}: {id}}}}}}}\n");
        let two = format!(
            "services:\n{}{}{network}",
            service("web", WEB, "    ports: [\"8080\"]\n"),
            service("db", DB, ""),
        );
        // The engine's own default may be to rotate logs.
        let kept = "    logging: {driver: json-file, options: {max-size: 1g}}\n";
        let log = format!("services:\n{}{network}", service("log", LOG, kept));
        write(path.join("compose.yml"), two)?;
        write(path.join("log.yml"), log)?;
        let task = |name: &str| {
            let labels = format!("labels: {{{LABEL}: {id}}}");
            let deploy = format!("deploy: {{replicas: 2, endpoint_mode: dnsrr, {labels}}}");
            format!(
                "  {name}:\n    image: busybox:latest\n    {STOP}\n    command: sleep 3600\n    {labels}\n    {deploy}\n"
            )
        };
        let stack = format!(
            "version: '3.8'\nservices:\n{}{network}",
            ["a", "b", "c", "d"].map(task).concat()
        );
        write(path.join("stack.yml"), stack)?;
        write(path.join("stack.sh"), STACK)?;
        write(path.join("script.sh"), SCRIPT.replace("HELLO", HELLO))?;
        Ok(Folder {
            path,
            id,
            _folder: folder,
        })
    }

    /// A folder of so many scenarios of two services.
    pub(crate) fn scenarios(&self, name: &str, count: usize) -> Result<String> {
        let folder = self.path.join(name);
        create_dir_all(&folder)?;
        for number in 1..=count {
            let steps = format!(
                "- up: two\n  - http: {{get: \"${{{{ url('web', 8080) }}}}/\"}}\n    within: 30s\n    expect: {{body: {{contains: {HELLO}}}}}\n  \
                 - exec: {{service: db, command: [echo, hello]}}\n    expect: {{stdout: hello}}\n  \
                 - log-assert: {{service: web, matches: 'listening on \\d+'}}\n    within: 30s\n  - down: two\n"
            );
            scenario(&folder, (name, number), "stacks: {two: ../compose.yml}", &steps)?;
        }
        Ok(folder.display().to_string())
    }

    /// A scenario of so many `exec` steps.
    pub(crate) fn execs(&self, count: usize) -> Result<String> {
        let mut steps = "- up: two\n".to_owned();
        for _ in 0..count {
            steps.push_str("  - exec: {service: db, command: [\"true\"]}\n");
        }
        let folder = self.path.join("exec");
        create_dir_all(&folder)?;
        scenario(&folder, ("exec", 1), "stacks: {two: ../compose.yml}", &steps)?;
        Ok(folder.display().to_string())
    }

    /// A scenario that waits for the last line of a long log.
    pub(crate) fn log(&self) -> Result<String> {
        let steps = format!(
            "- up: log\n  - exec: {{service: log, command: {WAIT}}}\n  \
             - log-assert: {{service: log, matches: 'the end after (?<lines>\\d+) lines'}}\n    within: 5m\n    timeout: 5m\n"
        );
        let folder = self.path.join("log");
        create_dir_all(&folder)?;
        scenario(&folder, ("log", 1), "stacks: {log: ../log.yml}", &steps)?;
        Ok(folder.display().to_string())
    }

    /// A scenario that deploys the swarm stack and removes it.
    pub(crate) fn swarm(&self, name: &str, deploy: &str) -> Result<String> {
        let folder = self.path.join(name);
        create_dir_all(&folder)?;
        let steps = format!("- deploy: {{{deploy}}}\n  - down: four\n");
        scenario(&folder, (name, 1), "stacks: {four: {swarm: ../stack.yml}}", &steps)?;
        Ok(folder.display().to_string())
    }

    /// A folder of so many scenarios that are only checked.
    pub(crate) fn many(&self, count: usize, steps: usize) -> Result<String> {
        let folder = self.path.join("many");
        let kinds = [
            "- http: {get: \"${{ url('web', 8080) }}/members\"}\n    within: 30s\n    expect:\n      status: 200\n      json: {leader.name: {one-of: [core1, core2]}}\n    save: {leader: json.leader.name}\n",
            "- name: the database answers\n    exec: {service: db, command: \"echo ${{ scenario.name }}\"}\n    expect: {stdout: {matches: '^many'}, stderr: {empty: true}}\n",
            "- log-assert:\n      service: web\n      ordered: [starting, {matches: 'listening on \\d+'}]\n      never: [FATAL]\n    within: 10s\n",
            "- assert: leader in ['core1', 'core2'] and wanted == 3\n",
        ];
        let mut text = "- up: two\n".to_owned();
        for step in 1..steps {
            let kind = kinds[(step - 1) % kinds.len()];
            let _ = write!(text, "  {kind}");
        }
        for number in 1..=count {
            let folder = folder.join(format!("{:02}", number % 50));
            create_dir_all(&folder)?;
            let head = "tags: [quick]\nvars: {wanted: 3}\nstacks: {two: ../../compose.yml}";
            scenario(&folder, ("many", number), head, &text)?;
        }
        Ok(folder.display().to_string())
    }
}

fn scenario(folder: &Path, (name, number): (&str, usize), head: &str, steps: &str) -> Result<()> {
    let text = format!("scenario: {name} {number}\n{head}\nsteps:\n  {steps}");
    write(folder.join(format!("{name}-{number:05}.yaml")), text)
}

/// A command of a compose file, `$` doubled.
fn quoted(command: &str) -> String {
    serde_json::json!(["sh", "-c", command.replace('$', "$$")]).to_string()
}
