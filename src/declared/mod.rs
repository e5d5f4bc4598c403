//! What a scenario declares beside its images and stacks, planned: secrets and configs, networks, volumes, each with its
//! real name, which is unique a try.

mod planning;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Span, and_more};
use crate::engine::{NetworkSpec, VolumeSpec};
use crate::mask::FEW_LETTERS;
use crate::scenario::{Attempt, Scenario};
use crate::stack::{Lock, StackPlan};
use crate::step::OwnNames;
use crate::substitute::{Given, StackKind};
use crate::template::Scope;

use planning::Planning;

/// How many characters a swarm takes of the name of a secret or config.
const MAX_NAME: usize = 64;

/// The section of what is hidden.
const SECRETS: &str = "secrets";

/// What a case declares.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Secrets and configs.
    pub contents: Vec<ContentPlan>,
    /// Networks.
    pub networks: Vec<NetworkPlan>,
    /// Volumes.
    pub volumes: Vec<VolumePlan>,
    /// The folder of the files of secrets and configs, absolute.
    pub folder: PathBuf,
}

/// A secret or a config.
#[derive(Clone)]
pub struct ContentPlan {
    /// `secrets` or `configs`.
    pub section: &'static str,
    /// Its name in the scenario, and in the stacks' files.
    pub name: String,
    /// Its real name, where an engine keeps it.
    pub real: String,
    /// Where it is written.
    pub at: Span,
    /// What it holds: a text, or whatever bytes are in its file.
    pub bytes: Arc<[u8]>,
    /// The file that it is delivered as, absolute.
    pub file: PathBuf,
}

impl ContentPlan {
    /// Its text; none of one that is none.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    /// True where so little is hidden that it may stand in any word.
    fn is_short(&self) -> bool {
        is_short(&self.bytes)
    }
}

/// True for a value so short that it may stand in any word.
pub fn is_short(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.trim().chars().count() < FEW_LETTERS)
}

/// What of a value is in no word by chance: it, or of a list or mapping such leaves.
pub fn long_parts(value: &Value) -> Vec<&Value> {
    let is_long = match value {
        Value::Array(items) => return items.iter().flat_map(long_parts).collect(),
        Value::Object(entries) => return entries.values().flat_map(long_parts).collect(),
        Value::String(text) => !is_short(text.as_bytes()),
        other => !is_short(other.to_string().as_bytes()),
    };
    is_long.then_some(value).into_iter().collect()
}

impl std::fmt::Debug for ContentPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.section, self.name)
    }
}

/// A network.
#[derive(Debug, Clone)]
pub struct NetworkPlan {
    /// Its name in the scenario.
    pub name: String,
    /// Where it is written.
    pub at: Span,
    /// What it is made of.
    pub spec: NetworkSpec,
}

/// A volume.
#[derive(Debug, Clone)]
pub struct VolumePlan {
    /// Its name in the scenario.
    pub name: String,
    /// Where it is written.
    pub at: Span,
    /// What it is made of.
    pub spec: VolumeSpec,
    /// The folder or file that it is filled from, absolute.
    pub from: Option<PathBuf>,
}

/// What planning it needs to know.
pub struct Context<'a> {
    /// The try.
    pub attempt: Attempt<'a>,
    /// Its folder for what nobody else may find, absolute.
    pub hidden: &'a Path,
}

/// Plans it; the scope's `secrets`, `networks` and `volumes` get contents and real names.
pub fn plan(scenario: &Scenario, scope: &mut Scope, context: &Context<'_>) -> (Declared, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let mut planning = Planning {
        scope,
        context,
        problems: &mut problems,
    };
    let mut declared = Declared {
        folder: context.hidden.to_owned(),
        ..Declared::default()
    };
    for (section, named) in [(SECRETS, &scenario.secrets), ("configs", &scenario.configs)] {
        let planned = named.0.iter();
        let planned = planned.filter_map(|(name, (at, written))| planning.content(section, (name, at), written));
        declared.contents.extend(planned);
    }
    let networks = scenario.networks.0.iter();
    let networks = networks.filter_map(|(name, (at, written))| planning.network((name, at), written));
    declared.networks = networks.collect();
    let volumes = scenario.volumes.0.iter();
    let volumes = volumes.filter_map(|(name, (at, written))| planning.volume((name, at), written));
    declared.volumes = volumes.collect();
    let secrets = scenario.secrets.names().map(|name| (name, declared.text(name)));
    put(scope, SECRETS, secrets);
    let OwnNames { networks, volumes, .. } = declared.names();
    put(scope, "networks", known(scenario.networks.names(), &networks));
    put(scope, "volumes", known(scenario.volumes.names(), &volumes));
    (declared, problems)
}

/// The problem of one without a value is told: those that use it have none of their own.
fn put<'n>(scope: &mut Scope, name: &str, values: impl Iterator<Item = (&'n str, Option<String>)>) {
    let values: serde_json::Map<String, Value> = values.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    scope.values.insert(name.to_owned(), Arc::new(values.into()));
}

fn known<'n>(
    names: impl Iterator<Item = &'n str>,
    real: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&'n str, Option<String>)> {
    names.map(move |name| (name, real.get(name).cloned()))
}

impl Declared {
    /// The names, for steps.
    pub fn names(&self) -> OwnNames {
        let secrets = self.secrets().map(|secret| (secret.name.clone(), secret.file.clone()));
        let no_texts = self.secrets().filter(|secret| secret.text().is_none());
        let networks = self.networks.iter();
        let volumes = self.volumes.iter();
        OwnNames {
            secrets: secrets.collect(),
            no_texts: no_texts.map(|secret| secret.name.clone()).collect(),
            networks: networks.map(|it| (it.name.clone(), it.spec.name.clone())).collect(),
            volumes: volumes.map(|it| (it.name.clone(), it.spec.name.clone())).collect(),
        }
    }

    /// The secrets that are hidden in the whole run: one that is part of many words would leave nothing of other cases.
    pub fn long_secrets(&self) -> impl Iterator<Item = &ContentPlan> {
        self.secrets().filter(|secret| !secret.is_short())
    }

    /// What is hidden.
    pub fn secrets(&self) -> impl Iterator<Item = &ContentPlan> {
        self.contents.iter().filter(|content| content.section == SECRETS)
    }

    /// What stacks are given in place of their own secrets and configs.
    pub fn given(&self) -> Vec<Given> {
        let given = self.contents.iter().map(|content| Given {
            section: content.section,
            name: content.name.clone(),
            file: content.file.clone(),
            real: content.real.clone(),
        });
        given.collect()
    }

    /// The secrets and configs that a swarm has to keep: its stacks have them.
    pub fn kept_by_swarm<'d>(
        &'d self,
        stacks: impl Iterator<Item = &'d StackPlan> + Clone,
    ) -> impl Iterator<Item = &'d ContentPlan> {
        let in_swarm = stacks.filter(|stack| stack.kind == StackKind::Swarm);
        let has = |stack: &StackPlan, content: &ContentPlan| {
            let names = stack.planned.contents.get(content.section);
            names.is_some_and(|names| names.contains(&content.name))
        };
        let contents = self.contents.iter();
        contents.filter(move |content| in_swarm.clone().any(|stack| has(stack, content)))
    }

    /// Those whose names a swarm refuses.
    pub fn misnamed(&self, stacks: &[StackPlan]) -> Vec<Diagnostic> {
        let kept = self.kept_by_swarm(stacks.iter());
        let told = kept.filter_map(|content| {
            let (one, name, real) = (content.section.trim_end_matches('s'), &content.name, &content.real);
            let (message, help) = if real.len() > MAX_NAME {
                (
                    format!("the name `{name}` of a {one} is too long for a swarm"),
                    format!("the case's own name stands before it, unique in each run, and together they have at most {MAX_NAME} characters"),
                )
            } else if !real.ends_with(|end: char| end.is_ascii_alphanumeric()) {
                (
                    format!("a {one} of a swarm cannot be called `{name}`"),
                    "its name ends with a letter or digit".to_owned(),
                )
            } else {
                return None;
            };
            Some(Diagnostic::error(&content.at, message).help(help))
        });
        told.collect()
    }

    /// The locks of what cannot be freed: fixed subnets.
    pub fn locks(&self) -> impl Iterator<Item = Lock> {
        let subnets = self
            .networks
            .iter()
            .filter_map(|network| network.spec.subnet.as_deref());
        subnets.map(Lock::subnet)
    }

    /// What `check` tells of it: subnets that stay fixed, secrets that are hard to hide.
    pub fn notes(&self) -> impl Iterator<Item = Diagnostic> {
        let fixed = self
            .networks
            .iter()
            .filter_map(|network| Some((network, network.spec.subnet.as_ref()?)));
        let fixed = fixed.map(|(network, subnet)| {
            let message = format!("subnet {subnet} stays fixed: scenarios that use it run one after the other");
            Diagnostic::note(&network.at, message)
        });
        let short = self.secrets().filter(|secret| secret.is_short());
        fixed.chain(short.map(|secret| {
            let message = format!(
                "the secret `{}` has fewer than {FEW_LETTERS} letters: they become `***` wherever they stand in what this \
                 scenario tells, within words too",
                secret.name
            );
            let help = "give it a longer value: what other scenarios tell is not searched for so few letters";
            Diagnostic::warning(&secret.at, message).help(help)
        }))
    }

    /// True where a volume is filled: this needs a container of this program's image.
    pub fn fills(&self) -> bool {
        self.volumes.iter().any(|volume| volume.from.is_some())
    }

    /// Secrets and configs that no stack has, and secrets that no step hands to a container.
    pub fn unused(&self, stacks: &[StackPlan], handed: &BTreeSet<String>) -> Vec<Diagnostic> {
        let is_handed = |content: &&ContentPlan| content.section == SECRETS && handed.contains(&content.name);
        let unused = self.contents.iter().filter(|content| !is_handed(content));
        let unused = unused.filter_map(|content| {
            let all = stacks
                .iter()
                .filter_map(|stack| stack.planned.contents.get(content.section));
            let all: Vec<&str> = all.flatten().map(String::as_str).collect();
            let one = content.section.trim_end_matches('s');
            (!all.contains(&content.name.as_str())).then(|| {
                let known = crate::diagnostic::known_names(&content.name, &all);
                let message = format!("no stack has a {one} `{}`", content.name);
                let of_steps = "only a value for steps is a variable: `vars`, and `mask` hides it";
                let hint = match content.section {
                    SECRETS => format!("a `run` has it by `secrets: [{}]`; {of_steps}", content.name),
                    _ => of_steps.to_owned(),
                };
                let help = match all.is_empty() {
                    true => format!("their files have no `{}`; {hint}", content.section),
                    false => and_more(&known, &hint),
                };
                Diagnostic::error(&content.at, message).help(help)
            })
        });
        unused.collect()
    }

    fn text(&self, secret: &str) -> Option<String> {
        let found = self.secrets().find(|content| content.name == secret);
        found?.text().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::long_parts;

    #[test]
    fn of_a_list_each_leaf_is_long_or_short() {
        let value = json!({"pins": [1, 2, 12345], "words": ["abc", "abcd"]});
        assert_eq!(long_parts(&value), [&json!(12345), &json!("abcd")]);
    }
}
