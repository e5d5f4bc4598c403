//! `shell`: a command on this machine.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::command::{self, Command, KEEP, Output};
use super::{About, Act, Binder, Body, Cx, Done, Sort, Step, Written};
use crate::diagnostic::Spanned;
use crate::event::{Detail, Fault};
use crate::expect::EXIT_ZERO;
use crate::host;
use crate::shape::{Named, Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "shell",
    does: "Runs a command on this machine, in the scenario's folder, and waits for its end.",
    manual: "Its environment is clean: `PATH`, `HOME`, and `DOCKER_HOST` of the node where another engine than this machine's, or \
             the context `default`, is named; `env` adds to it. A list is taken word by word, a text is run by `sh -c`. Its exit code must be 0, \
             unless something else is expected of it. On its limit it is ended, with all that it started. With \
             `background: name` it goes on as `process: name`, which `log-assert` reads; when it has ended by the \
             scenario's end, its exit code must have been 0.",
    example: "- shell: make ready\n\
              - shell: {command: [./check.py, \"${{ url('web', 80) }}\"], env: {MODE: strict}}\n  expect: {json: {ok: true}}",
    sort: Sort::Question,
    limit: Duration::from_secs(60),
    results: command::RESULT,
    defaults: EXIT_ZERO,
    locals: &[],
};

/// What is kept of each end of an output for its last lines, in bytes.
const FOLLOWED: usize = 32 * 1024;

shape! {
    /// A command on this machine.
    pub struct Shell ("`shell`") short command {
        /// The command: a list is taken word by word, a text is a line for `sh -c`.
        command: Command,
        /// More environment.
        env: Named<Text>,
        /// The folder that it runs in; without one, the scenario's.
        workdir: Option<Text>,
        /// What it reads.
        stdin: Option<Text>,
        /// A name: it goes on in the background as `process: name`.
        background: Option<Spanned<String>>,
    }
}

impl Written for Shell {
    fn title(&self) -> String {
        self.command.shown()
    }

    fn check(&self, step: &Step, binder: &mut Binder<'_>) {
        command::check_background(self.background.as_ref(), step, binder);
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        binder.makes_files();
        if let Some(name) = &self.background {
            command::bind_process(name, binder);
        }
        Some(Body::Act(Arc::new(Bound(self.clone()))))
    }
}

#[derive(Debug)]
struct Bound(Shell);

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let command = self.command(cx).await?;
        let (program, folder) = (command.argv[0].clone(), command.folder.clone());
        if let Some(name) = &self.0.background {
            let log = command::process_log(cx, &name.value)?;
            let told = Arc::clone(&log);
            let output: host::Output = Arc::new(move |stream, bytes: &[u8]| told.add(stream, bytes));
            let process = cx.case.host.start(command, output).await;
            let process = match process {
                Ok(process) => process,
                Err(why) => return Err(not_started(cx, (&program, &folder), &why).await),
            };
            let ends = Arc::clone(&process);
            tokio::spawn(async move {
                drop(ends.wait().await);
                log.end();
            });
            command::goes_on(cx, &name.value, (process, true));
            return Ok(json!({"exit": 0}));
        }
        let began = Instant::now();
        let written = Arc::new(Mutex::new(Output::keeping(FOLLOWED)));
        command::follow(cx, &written);
        let line = Arc::new(move |stream, line: &str| command::lock(&written).add_line(stream, line));
        let ended = cx.case.host.run(command, line).await;
        let ended = match ended {
            Ok(ended) => ended,
            Err(why) => return Err(not_started(cx, (&program, &folder), &why).await),
        };
        let (exit, late) = (ended.code(), ended.late);
        let output = Output {
            stdout: ended.stdout,
            stderr: ended.stderr,
        };
        if late {
            let (limit, setting) = cx.passed_limit();
            let fault = Fault::failure(format!("the command did not end within {limit}"));
            let fault = fault.at(cx.span.place()).hint(setting);
            return Err(vec![output.described(fault)]);
        }
        output.result(exit.into(), began.elapsed(), cx)
    }

    fn ends_itself(&self) -> bool {
        true
    }

    async fn explain(&self, _cx: &Cx, outputs: &Value, faults: &[Fault]) -> Vec<Detail> {
        command::explain(outputs, faults)
    }

    fn may_change(&self) -> bool {
        true
    }
}

impl Bound {
    async fn command(&self, cx: &Cx) -> Done<host::Command> {
        let written = &self.0;
        let mut env: BTreeMap<String, String> = cx.case.machine.clone();
        env.extend(cx.case.docker_env.clone());
        env.extend(command::env(cx, &written.env).await?);
        let folder = match &written.workdir {
            Some(folder) => cx.path(folder, &cx.text(folder).await?),
            None => cx.case.folder.clone(),
        };
        let limit = match written.background {
            // It goes on until it is ended at the end of the scenario.
            Some(_) => Duration::from_secs(24 * 3600),
            None => cx.deadline.saturating_duration_since(Instant::now()),
        };
        Ok(host::Command {
            argv: written.command.argv(cx).await?,
            env,
            folder,
            stdin: cx.optional(written.stdin.as_ref()).await?.map(Into::into),
            limit,
            keep: KEEP,
        })
    }
}

async fn not_started(cx: &Cx, (program, folder): (&str, &Path), why: &io::Error) -> Vec<Fault> {
    // The system tells of a missing folder in the words of a missing program.
    let stands = cx.case.host.stat(folder).await.ok().flatten();
    if stands.is_none_or(|stands| !stands.folder) {
        let message = format!("`workdir` is no folder: `{}`", folder.display());
        return cx.failure_with_hint(message, "it is relative to the file that it is written in");
    }
    let fault = Fault::failure(format!("`{program}` cannot be started here: {why}"));
    let fault = fault.at(cx.span.place());
    vec![match why.kind() {
        io::ErrorKind::NotFound => {
            fault.hint("programs are looked for in PATH; a path is relative to the folder that it runs in")
        }
        _ => fault,
    }]
}
