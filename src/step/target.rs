//! What a step is about: a service, a replica, a container; bound where it is written literally, found when the step
//! starts where it is computed, by the same functions with the same did-you-mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Span, known_names};
use crate::net::Target;
use crate::substitute::{StackKind, Ungiven};
use crate::template::Template;

/// A stack's names, as its files have them.
#[derive(Debug, Clone, Default)]
pub struct StackNames {
    /// The stack's name in the scenario.
    pub name: String,
    /// Its place among the stacks: the stack that runs; a `version-of` shares that of its base.
    pub id: usize,
    /// Which tool reads its files.
    pub kind: StackKind,
    /// Its services, and the container ports that they publish, where that is known.
    pub services: BTreeMap<String, Option<Vec<u16>>>,
    /// Those that a swarm gives a task on each node, and no number of replicas.
    pub global: BTreeSet<String>,
    /// Those of a swarm whose tasks come to their end.
    pub jobs: BTreeSet<String>,
    /// `container_name`s of the file, and whose they are.
    pub container_names: BTreeMap<String, String>,
    /// The volumes of the file: name in the file → real name.
    pub volumes: BTreeMap<String, String>,
    /// The networks of the file: name in the file → real name.
    pub networks: BTreeMap<String, String>,
    /// The names by which its services are known on networks (service, alias or `container_name`): whose it is, and the real
    /// names of the networks.
    pub hosts: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// Host ports of the file that have become free ones, with the service and the container's port.
    pub freed: BTreeMap<u16, (String, u16)>,
    /// Whether a service mounts paths of this machine, and may make files there.
    pub mounts_paths: bool,
    /// What is told of files that it names and that are not there.
    pub absent: Vec<Diagnostic>,
    /// Secrets and configs that its services have, and that nobody gives.
    pub ungiven: Vec<Ungiven>,
    /// What is told of paths of this machine that an engine on another one cannot have.
    pub elsewhere: Vec<Diagnostic>,
}

impl StackNames {
    /// Its services.
    pub fn references(&self) -> impl Iterator<Item = ServiceRef> {
        self.services.keys().map(|service| reference(self, service, None))
    }
}

/// The service that a compose file puts at an address of this machine, where a free port has taken its place: what is told of
/// it, and where it is instead.
pub(super) fn freed(stacks: &[StackNames], address: &str) -> Option<(String, String)> {
    let Ok(Target::Host(host, port)) = Target::parse(address) else {
        return None;
    };
    let (service, inner) = stacks.iter().find_map(|stack| stack.freed.get(&port))?;
    matches!(host.as_str(), "localhost" | "127.0.0.1" | "0.0.0.0" | "::1").then(|| {
        let message = format!("`{service}` is not at port {port} here: its host ports become free ones");
        let help = format!(
            "`${{{{ url('{service}', {inner}) }}}}` is where its port {inner} is now (`port('{service}', {inner})` the port alone); \
             `substitute: {{ports: none}}` of the stack keeps the file's own"
        );
        (message, help)
    })
}

/// What is told of a host that is a service of a stack: its networks alone know it by that name.
pub(super) fn known_inside(stacks: &[StackNames], address: &str) -> Option<String> {
    let Ok(Target::Host(host, port)) = Target::parse(address) else {
        return None;
    };
    let (service, ports) = stacks.iter().find_map(|stack| {
        let named = stack.hosts.get(&host).and_then(|services| services.keys().next());
        stack.services.get_key_value(named.unwrap_or(&host))
    })?;
    let here = match ports {
        Some(ports) if !ports.contains(&port) => format!("once its file has `\"{port}\"` under `ports`"),
        _ => "from here".to_owned(),
    };
    Some(format!(
        "`{host}` is a name in the networks of its stack: ask there with `inside: {service}`, or `${{{{ url('{service}', {port}) }}}}` \
         {here}"
    ))
}

/// A name that is bound, or computed when the step runs.
#[derive(Debug, Clone)]
pub enum Ref<T> {
    /// Written literally.
    Bound(T),
    /// Text with `${{ }}`.
    Late(Template),
}

/// A service of a stack, or one replica of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceRef {
    /// The stack's id.
    pub stack: usize,
    /// The stack's name, for messages.
    pub stack_name: Arc<str>,
    /// The service.
    pub service: Arc<str>,
    /// The replica, from 1.
    pub replica: Option<u32>,
}

impl std::fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.replica {
            Some(replica) => write!(f, "{}.{replica}", self.service),
            None => f.write_str(&self.service),
        }
    }
}

/// A container: a service's, or one that a step started by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerRef {
    /// Of a service.
    Service(ServiceRef),
    /// Of a `run` with `background: name`.
    Background(String),
}

/// A name that was not found: what is wrong with it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfound {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Unfound {
    /// As a diagnostic at a place.
    pub fn at(self, span: &Span) -> crate::diagnostic::Diagnostic {
        crate::diagnostic::Diagnostic::error(span, self.message).help(self.help)
    }
}

/// Finds a service: `web`, `shop/web`, `web.2`.
pub fn find_service(text: &str, stacks: &[StackNames]) -> Result<ServiceRef, Unfound> {
    let (stack, rest) = match text.split_once('/') {
        Some((stack, rest)) => (Some(stack), rest),
        None => (None, text),
    };
    if let Some(stack) = stack
        && !stacks.iter().any(|known| known.name == stack)
    {
        return Err(unknown("stack", stack, stacks.iter().map(|known| known.name.as_str())));
    }
    // A service may have a dot in its name: the whole text goes before a replica's number.
    let candidates = [(rest, None), split_replica(rest).unwrap_or((rest, None))];
    for (service, replica) in candidates {
        let mut found: Vec<&StackNames> = stacks
            .iter()
            .filter(|known| stack.is_none_or(|stack| known.name == stack) && known.services.contains_key(service))
            .collect();
        // Versions of one project are one target.
        found.dedup_by_key(|known| known.id);
        match found.as_slice() {
            [] => {}
            [one] => return Ok(reference(one, service, replica)),
            several if several.iter().all(|known| known.id == several[0].id) => {
                return Ok(reference(several[0], service, replica));
            }
            several => {
                let names = several
                    .iter()
                    .map(|known| format!("`{}/{text}`", known.name))
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(Unfound {
                    message: format!("several stacks have a service `{service}`"),
                    help: format!("say which: {names}"),
                });
            }
        }
    }
    let service = split_replica(rest).map_or(rest, |(service, _)| service);
    let known = stacks
        .iter()
        .filter(|known| stack.is_none_or(|stack| known.name == stack));
    if let Some(service) = rest.strip_suffix(".0")
        && known.clone().any(|known| known.services.contains_key(service))
    {
        return Err(Unfound {
            message: format!("there is no replica `{rest}`"),
            help: format!("replicas count from 1: `{service}.1`"),
        });
    }
    Err(unknown(
        "service",
        service,
        known.flat_map(|known| known.services.keys().map(String::as_str)),
    ))
}

/// Finds a container: one that a step started by that name, a `container_name` of a compose file, or a service.
pub fn find_container(text: &str, stacks: &[StackNames], backgrounds: &[String]) -> Result<ContainerRef, Unfound> {
    if backgrounds.iter().any(|name| name == text) {
        return Ok(ContainerRef::Background(text.to_owned()));
    }
    for stack in stacks {
        if let Some(service) = stack.container_names.get(text) {
            return Ok(ContainerRef::Service(reference(stack, service, None)));
        }
    }
    let found = find_service(text, stacks).map(ContainerRef::Service);
    found.map_err(|unfound| {
        // Of a text with a stack, or one that several stacks have, more is known than that nothing has the name.
        if text.contains('/') || !unfound.message.starts_with("unknown") {
            return unfound;
        }
        let names = stacks
            .iter()
            .flat_map(|stack| stack.container_names.keys().chain(stack.services.keys()));
        let what = "service or container";
        unknown(what, text, names.chain(backgrounds).map(String::as_str))
    })
}

/// Finds a process that a step started in the background.
pub(super) fn find_process(text: &str, processes: &[String]) -> Result<String, Unfound> {
    if processes.iter().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    let mut unfound = unknown("process", text, processes.iter().map(String::as_str));
    if processes.is_empty() {
        unfound.help = "`exec` and `shell` start one with `background: name`, in a step before this one".to_owned();
    }
    Err(unfound)
}

/// An unknown name with what there is.
pub(crate) fn unknown<'a>(what: &str, got: &str, known: impl Iterator<Item = &'a str>) -> Unfound {
    let mut names: Vec<&str> = Vec::new();
    for name in known {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let known = names;
    Unfound {
        message: format!("unknown {what} `{got}`"),
        help: known_names(got, &known),
    }
}

fn split_replica(text: &str) -> Option<(&str, Option<u32>)> {
    let (service, number) = text.rsplit_once('.')?;
    Some((service, Some(number.parse().ok().filter(|number| *number > 0)?)))
}

fn reference(stack: &StackNames, service: &str, replica: Option<u32>) -> ServiceRef {
    ServiceRef {
        stack: stack.id,
        stack_name: stack.name.as_str().into(),
        service: service.into(),
        replica,
    }
}

#[cfg(test)]
mod tests {
    use super::{StackNames, find_service};

    fn stack(name: &str, id: usize, services: &[&str]) -> StackNames {
        StackNames {
            name: name.into(),
            id,
            services: services.iter().map(|service| ((*service).to_owned(), None)).collect(),
            ..StackNames::default()
        }
    }

    fn check(text: &str, expected: &str) {
        let stacks = [
            stack("shop", 0, &["web", "db", "my.2"]),
            stack("lab", 1, &["db", "probe"]),
            stack("shop-v2", 0, &["web"]),
        ];
        let found = match find_service(text, &stacks) {
            Ok(found) => format!("{} {} {:?}", found.stack, found.service, found.replica),
            Err(unfound) => format!("{}; {}", unfound.message, unfound.help),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn finds_services_by_name_stack_and_replica() {
        check("web", "0 web None");
        check("web.2", "0 web Some(2)");
        check("lab/db", "1 db None");
        check("lab/db.1", "1 db Some(1)");
        check("my.2", "0 my.2 None");
        check("lab/db.0", "there is no replica `db.0`; replicas count from 1: `db.1`");
        check(
            "db",
            "several stacks have a service `db`; say which: `shop/db`, `lab/db`",
        );
        check(
            "prob",
            "unknown service `prob`; there is `db`, `my.2`, `web`, `probe`; did you mean `probe`?",
        );
        check(
            "ship/web",
            "unknown stack `ship`; there is `shop`, `lab`, `shop-v2`; did you mean `shop`?",
        );
    }
}
