//! What the manual tells beside the step kinds: common keys, matchers, expressions, and the keys of the other parts.

use super::{Page, key_rows, rows};
use crate::expect::MATCHER_TABLE;
use crate::scenario::images::ImageFull;
use crate::scenario::stacks::Stack;
use crate::scenario::{LogScan, Project, Scenario, Template};
use crate::shape::keys_of;
use crate::step::common_schema;
use crate::template::{FILTER_TABLE, TEST_TABLE, functions};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// A page beside those of the kinds.
pub(super) struct Topic {
    /// What it is asked for by.
    pub(super) name: &'static str,
    /// Its line in the overview.
    pub(super) tells: &'static str,
    write: fn(&mut Page),
}

impl Topic {
    /// The whole page.
    pub(super) fn page(&self, mut page: Page) -> String {
        page.paragraph(&format!("{}: {}", self.name, self.tells));
        (self.write)(&mut page);
        page.text
    }
}

/// All of them, in the order of the overview.
pub(super) const TOPICS: &[Topic] = &[
    Topic {
        name: "common",
        tells: "The keys that a step may have beside its kind.",
        write: |page| keys(page, common_schema, &[]),
    },
    Topic {
        name: "expect",
        tells: "What can be expected of a result: all matchers.",
        write: expect,
    },
    Topic {
        name: "expressions",
        tells: "What `${{ … }}`, `if`, `assert` and `save` can use: names, functions, filters, tests.",
        write: expressions,
    },
    Topic {
        name: "scenario",
        tells: "The keys of a scenario file.",
        write: |page| keys_of_shape::<Scenario>(page, &["images", "stacks", "log-scan"]),
    },
    Topic {
        name: "images",
        tells: "The keys of an entry of `images`.",
        write: |page| keys_of_shape::<ImageFull>(page, &[]),
    },
    Topic {
        name: "stacks",
        tells: "The keys of an entry of `stacks`; a text alone is its `compose`.",
        write: |page| keys_of_shape::<Stack>(page, &[]),
    },
    Topic {
        name: "log-scan",
        tells: "What no log may hold, looked for at the end of a scenario.",
        write: log_scan,
    },
    Topic {
        name: "template",
        tells: "The keys of a template file.",
        write: |page| keys_of_shape::<Template>(page, &[]),
    },
    Topic {
        name: "project",
        tells: "The keys of the project file, `e2erun.yaml`.",
        write: |page| keys_of_shape::<Project>(page, &["log-scan"]),
    },
];

fn keys_of_shape<T: JsonSchema>(page: &mut Page, apart: &[&str]) {
    keys(page, T::json_schema, apart);
}

/// Its keys; those within the ones that have a page of their own are told there.
fn keys(page: &mut Page, schema: fn(&mut SchemaGenerator) -> Schema, apart: &[&str]) {
    let mut keys = keys_of(schema);
    for key in keys.iter_mut().filter(|key| apart.contains(&key.name.as_str())) {
        key.inner.clear();
        key.doc.push_str(&format!(" Its keys: `e2erun steps {}`.", key.name));
    }
    page.list("Keys:", &key_rows(&keys, 0));
}

fn log_scan(page: &mut Page) {
    page.paragraph(
        "When the scenario is over, the logs of all its containers are looked through, of those that are gone, too, up to \
         the moment before what is left is killed, and what an `exec` or `shell` in the background has written, unless \
         `services` names whose logs are meant. A line that `never` forbids fails the scenario, with the lines around it and \
         the whole traceback that it is of; with `join: tracebacks` such a one is judged as one line. A log of which a \
         part is missing makes it errored. The project file's `log-scan` is held against every scenario beside the \
         scenario's own, and the `ignore` of each allows lines that the other forbids. An `ignore` of the scenario that allowed \
         no line is told in a note; so is a scan that had no log to look through.",
    );
    page.paragraph(
        "What steps bring about on purpose is expected where they do: `expect-log` beside a `do` names lines that have to be \
         written while its steps run, or `within` so long after them, and that are allowed from the block's beginning on. A \
         scenario's own `log-scan` is a check of it; with the project's alone it may still be not verified.",
    );
    keys_of_shape::<LogScan>(page, &[]);
    page.example(
        "log-scan:\n  never: [ERROR, {matches: '(?i)panic'}]\n  ignore: [{contains: no cache, reason: it is optional}]\nsteps:\n  - do:\n      - kill: db\n    expect-log: [{service: web, contains: \"ERROR: db is away\"}]\n    within: 10s",
    );
}

fn expect(page: &mut Page) {
    page.paragraph(
        "`expect` names fields of the step's result. A plain value or a list means equal, text one final newline apart. A \
         mapping is matchers, all of which must hold. Under `json` and `headers` a key that is no matcher is a path: \
         `leader.name`, `members.1.role`, or JSONPath after a `$`. `exit: any` and its like expect nothing of a number.",
    );
    page.list("Matchers:", &rows(MATCHER_TABLE.iter().copied()));
    page.example(
        "- http: \"${{ url('web', 80) }}/members\"\n  expect:\n    status: {one-of: [200, 204]}\n    json: {members: {length: {ge: 2}}, leader.name: {matches: '^core'}}",
    );
}

fn expressions(page: &mut Page) {
    page.paragraph(
        "An expression sees the scenario's `vars`, the names that steps before it saved, and these. A text that is one \
         `${{ … }}` keeps the value's type. Operators are `+ - * / // % ** ~ == != < <= > >= and or not in is`, and \
         `a if b else c`.",
    );
    page.list("Built-in names:", &rows(NAMES.iter().copied()));
    page.list("Functions:", &rows(functions()));
    page.list(
        "Filters, as in `${{ name | upper }}`:",
        &rows(FILTER_TABLE.iter().copied()),
    );
    page.list("Tests, as in `x is defined`:", &rows(TEST_TABLE.iter().copied()));
}

/// The built-in names.
const NAMES: &[(&str, &str)] = &[
    ("matrix", "The case's matrix values: `matrix.db`."),
    ("run", "`run.id`: what no other run has."),
    ("scenario", "`scenario.name`, and `scenario.dir`, its folder."),
    ("scratch", "A folder of the try's own, removed with it."),
    ("images", "The real references of `images`: `images.app`."),
    (
        "secrets",
        "What the scenario's `secrets` hold: `secrets['db-password']`; hidden everywhere.",
    ),
    (
        "networks",
        "The real names of the scenario's own `networks`: `networks.front`.",
    ),
    (
        "volumes",
        "The real names of the scenario's own `volumes`: `volumes.seed`.",
    ),
    (
        "stacks",
        "`stacks.shop.project`, and real names: `stacks.shop.networks.front`, `stacks.shop.volumes.data`; of a swarm \
         stack `stacks.shop.secrets.key`, `stacks.shop.configs.site`, too.",
    ),
    ("nodes", "The nodes, each with `name`, `address`, `roles` and `labels`."),
    (
        "got",
        "Which of several resources the scenario got; empty in this version.",
    ),
    (
        "probes",
        "What each probe has seen so far: `answers failures max_outage outage first_failure values`.",
    ),
    ("engine", "`version api os arch kernel swarm compose` of the engine."),
    ("env", "The environment variables that `requires: {env: […]}` lists."),
];

#[cfg(test)]
mod tests {
    use super::NAMES;
    use crate::step::BUILT_IN;

    #[test]
    fn every_built_in_name_is_told() {
        let told: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        assert_eq!(told, BUILT_IN);
    }
}
