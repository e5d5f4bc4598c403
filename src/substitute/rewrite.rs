//! The rewriting of a stack: its files gathered, each substitution made in turn, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::builds::{self, Building};
use super::dockerfile::same_image;
use super::files::{Files, Looking, Refused};
use super::gather::{Gathered, gather};
use super::host_paths::same_path;
use super::input::{Replacement, StackInput, StackKind, Substitutions};
use super::interpolate::{Environment, Value};
use super::matching::Matching;
use super::names::ContainerNames;
use super::ports::Freeing;
use super::rewritten::{
    BuildInfo, Copied, Lock, LockKind, Mounted, Needs, Rewritten, RewrittenFile, ServiceInfo, Shared, Ungiven, Writable,
};
use super::unit::Unit;
use super::view::{self, Layers, View};
use super::{
    absent, anew, beside, contrary, elsewhere, external, format, given, host_paths, images, info, keys, labels, names,
    no_services, own_secrets, passed, paths, refused, several_ports, swarm, unset, writable,
};
use crate::diagnostic::{Diagnostic, Level};
use crate::yaml;

/// Rewrites a stack. Pure: what it has to know of the disk and is not in `files` yet it asks for, to be called again.
pub fn rewrite(input: &StackInput, files: &dyn Files) -> Result<Rewritten, Refused> {
    let looking = Looking::new(files);
    let mut problems = Vec::new();
    let rewritten = attempt(input, &looking, &mut problems);
    let needs = looking.needs();
    if !needs.is_empty() {
        return Err(Refused::Needs(needs));
    }
    match rewritten {
        Some(rewritten) if problems.is_empty() => Ok(rewritten),
        rewritten => {
            // They may well be what the problems come from.
            let notes = rewritten.into_iter().flat_map(|rewritten| rewritten.notes);
            problems.extend(notes.filter(|note| note.level == Level::Warning));
            Err(Refused::Problems(problems))
        }
    }
}

fn attempt(input: &StackInput, looking: &Looking<'_>, problems: &mut Vec<Diagnostic>) -> Option<Rewritten> {
    let gathered = gather(input, looking);
    let Gathered {
        mut units,
        texts,
        problems: found,
        unset,
        directory,
        profiles,
        environment,
    } = gathered;
    let broken = !found.is_empty();
    problems.extend(found);
    problems.extend(unset);
    problems.extend(texts.problems());
    let services = view::services(&units);
    // What follows would only repeat what is wrong with a file that cannot be read.
    if broken {
        return None;
    }
    if services.is_empty() {
        problems.push(no_services::told(&units, input, looking));
        return None;
    }
    let scene = Scene {
        input,
        looking,
        directory,
        profiles,
        environment,
    };
    let found = refused::find(&units, &services, &scene.profiles, (looking, input.kind));
    let mut noted = keys::unknown(&units, &services, input.kind);
    sort_out(found, problems, &mut noted);
    if input.kind == StackKind::Swarm {
        problems.extend(swarm::refused(&units, &services));
        noted.extend(swarm::ignored(&units, &services));
        noted.extend(swarm::unversioned(&units));
        noted.extend(swarm::unread(&units));
    }
    let made = substitute(&scene, &mut units, problems);
    let services = view::services(&units);
    unset::find(&units, &services, scene.looking, problems);
    // As the tool gets them: a substitution may well be what makes a value right.
    let judged = match input.kind {
        StackKind::Compose => [format::of_compose(&units), given::written_out(&units)].concat(),
        StackKind::Swarm => [
            swarm::unfilled(&units),
            format::of_swarm(&units),
            format::together(&units, &services),
        ]
        .concat(),
    };
    sort_out(judged, problems, &mut noted);
    sort_out(contrary::find(&units, input.kind), problems, &mut noted);
    let mut rewritten = finish(&scene, units, Made { services, ..made });
    rewritten.notes.extend(noted);
    rewritten.notes.extend(beside::untaken(input, looking));
    Some(rewritten)
}

/// Errors are problems, and what some tool may take is noted.
fn sort_out(found: Vec<Diagnostic>, problems: &mut Vec<Diagnostic>, noted: &mut Vec<Diagnostic>) {
    let (refused, taken): (Vec<_>, Vec<_>) = found.into_iter().partition(|told| told.level == Level::Error);
    problems.extend(refused);
    noted.extend(taken);
}

/// What a rewriting goes by.
struct Scene<'s> {
    input: &'s StackInput,
    looking: &'s Looking<'s>,
    directory: PathBuf,
    profiles: BTreeSet<String>,
    environment: Rc<Environment>,
}

impl Scene<'_> {
    /// What the tool's process has to see: `docker stack` reads no env file.
    fn tool_env(&self) -> BTreeMap<String, String> {
        match self.input.kind {
            StackKind::Compose => self.input.tool_env(),
            StackKind::Swarm => known(&self.environment),
        }
    }

    fn is_active(&self, units: &[Unit], layers: &Layers) -> bool {
        let profiles = View::service(units, layers).texts("profiles");
        info::is_active(&profiles.into_iter().collect(), &self.profiles)
    }
}

/// What the substitutions made, as far as the files do not show it.
struct Made {
    services: BTreeMap<String, Layers>,
    names: ContainerNames,
    builds: Vec<BuildInfo>,
    freed: BTreeMap<u16, (String, u16)>,
    absent: Vec<Diagnostic>,
    writable: Vec<Writable>,
    mounted: Vec<Mounted>,
    copied: Copied,
    gives: Vec<Shared>,
    wants: Vec<Shared>,
    contents: BTreeMap<&'static str, BTreeSet<String>>,
}

/// The keys of the substitutions that go by what stands in the files.
struct Keys<'i> {
    images: Matching<'i>,
    host_paths: Matching<'i>,
    external: Matching<'i>,
    builds: Matching<'i>,
}

impl<'i> Keys<'i> {
    fn of(wanted: &'i Substitutions, builds: &'i [Replacement]) -> Keys<'i> {
        Keys {
            images: Matching::new("images", &wanted.images, same_image),
            host_paths: Matching::new("host-paths", &wanted.host_paths, same_path),
            external: Matching::new("external", &wanted.external, |one, other| one == other),
            builds: Matching::new("builds", builds, same_path),
        }
    }

    /// What is told of those that matched nothing.
    fn problems(&self) -> impl Iterator<Item = Diagnostic> {
        let all = [&self.images, &self.host_paths, &self.builds, &self.external];
        all.into_iter().flat_map(|keys| keys.problems())
    }
}

fn substitute(scene: &Scene<'_>, units: &mut Vec<Unit>, problems: &mut Vec<Diagnostic>) -> Made {
    let Scene { input, looking, .. } = scene;
    let services = view::services(units);
    let of_builds = builds::keys(input);
    let mut keys = Keys::of(&input.substitutions, &of_builds);

    for layers in services.values() {
        images::replace(units, layers, &mut keys.images);
    }
    images::replace_contexts(units, &mut keys.images);
    let mut ports = free_ports(units, input);
    host_paths::replace(units, &mut keys.host_paths, problems);
    problems.extend(given::refused(units, &services, (&input.given, input.kind)));
    let contents = given::replace(units, &input.given, input.kind);
    let mut building = Building {
        input,
        looking,
        images: &mut keys.images,
        problems,
    };
    let copies = building.replace(units, &mut keys.builds);
    // Before labels are added, which say nothing of what is built; and only what is active has to be there.
    let active = services.iter().filter(|(_, layers)| scene.is_active(units, layers));
    let active: Vec<(&String, &Layers)> = active.collect();
    let of_active = active.iter().map(|(_, layers)| *layers);
    let absent = absent::find(units, of_active.clone(), (looking, input.kind));
    let writable = writable::find(units, of_active, looking);
    let built = active.iter();
    let builds: Vec<BuildInfo> = built
        .filter_map(|(name, layers)| building.info(units, name, layers, &copies))
        .collect();
    building.without_copies(units, &copies);

    let wants = external::replace(units, &mut keys.external, input.kind);
    let gives = external::given(units, &services, (&scene.directory, input.kind));
    // Before paths are made absolute: they are told as they are written.
    let mounted = elsewhere::find(units, active.iter().copied(), input.home());
    let names = isolate(units, &services, (input, &builds));
    let copied = match &input.copies {
        Some(kinds) => elsewhere::rewrite(units, &active, (kinds, input)),
        None => Copied::default(),
    };
    problems.extend(keys.problems());
    problems.extend(ports.problems());
    problems.append(&mut ports.twice);
    Made {
        freed: ports.gone,
        services,
        names,
        builds,
        absent,
        writable,
        mounted,
        copied,
        gives,
        wants,
        contents,
    }
}

/// Frees the ports of all services.
fn free_ports<'i>(units: &mut [Unit], input: &'i StackInput) -> Freeing<'i> {
    let mut ports = Freeing::new(&input.substitutions.ports);
    ports.free(units);
    match input.kind {
        // It takes what stands twice for one.
        StackKind::Compose => ports.twice.clear(),
        StackKind::Swarm => {
            let freed = ports.gone.values().map(|(service, _)| service.as_str());
            several_ports::in_last_file(units, &freed.collect());
        }
    }
    ports
}

/// What is made without being asked: names, paths, labels, the images of builds.
fn isolate(
    units: &mut Vec<Unit>,
    services: &BTreeMap<String, Layers>,
    (input, builds): (&StackInput, &[BuildInfo]),
) -> ContainerNames {
    external::prefix_names(units, input);
    anew::rename(units, input);
    let names = match input.kind {
        StackKind::Compose => names::isolate(units, services),
        // A swarm ignores the names of containers.
        StackKind::Swarm => ContainerNames::default(),
    };
    paths::make_absolute(units, input.kind);
    images::give_built(units, services, &input.built);
    images::pull_nothing_of_ours(units, services, builds);
    labels::add(units, services, input);
    if input.kind == StackKind::Swarm && input.contexts.is_none() {
        swarm::drop_builds(units);
    }
    names
}

/// True for a volume that the case made itself: its name is unique, and nobody else waits for it.
fn is_own(lock: &Lock, input: &StackInput) -> bool {
    let case = input.labels.get(crate::lease::CASE);
    matches!((&lock.kind, case), (LockKind::Volume(name), Some(case)) if name.contains(case.as_str()))
}

fn finish(scene: &Scene<'_>, units: Vec<Unit>, made: Made) -> Rewritten {
    let input = scene.input;
    let Made {
        services: layers,
        names,
        builds,
        freed,
        absent,
        writable,
        mounted,
        copied,
        gives,
        wants,
        contents,
    } = made;
    let services = infos(scene, &units, &layers, (&names, &builds));
    let waiting = services
        .values()
        .filter(|service| service.active)
        .flat_map(|service| &service.depends_on);
    let completes = waiting.filter(|(_, on)| on.condition == "service_completed_successfully");
    let of_swarm = |section| match input.kind {
        StackKind::Compose => BTreeMap::new(),
        StackKind::Swarm => info::real_names(&units, section, input),
    };
    let locks = info::locks(&units, &layers, &services);
    let (ungiven, needs) = of_compose(scene, &units, &layers);
    Rewritten {
        kind: input.kind,
        tool_env: scene.tool_env(),
        project: input.project.clone(),
        directory: scene.directory.clone(),
        env_files: input.env_files.iter().map(|file| file.value.clone()).collect(),
        profiles: input.profiles.clone(),
        networks: info::network_names(&units, &layers, input),
        volumes: info::real_names(&units, "volumes", input),
        secrets: of_swarm("secrets"),
        configs: of_swarm("configs"),
        locks: locks.into_iter().filter(|lock| !is_own(lock, input)).collect(),
        completes: completes.map(|(name, _)| name.clone()).collect(),
        builds,
        freed,
        absent,
        writable,
        mounted,
        copied,
        own_secrets: own_secrets::find(&units, input),
        own: anew::find(&units, input, |path| scene.looking.is_there(path) == Some(true)),
        gives,
        expects: external::expected(&units, (&layers, &services), (&wants, input)),
        wants,
        contents,
        ungiven,
        needs,
        notes: passed::notes(&units, &layers, &services),
        services,
        files: copies(input, units),
    }
}

/// What a compose tool cannot give its services, and what of the files it may be too old for. What is external to a swarm
/// stack the swarm may have.
fn of_compose(scene: &Scene<'_>, units: &[Unit], layers: &BTreeMap<String, Layers>) -> (Vec<Ungiven>, Vec<Needs>) {
    match scene.input.kind {
        StackKind::Compose => {
            let is_active = |layers: &Layers| scene.is_active(units, layers);
            (given::missing(units, layers, is_active), given::needs(units))
        }
        StackKind::Swarm => Default::default(),
    }
}

fn infos(
    scene: &Scene<'_>,
    units: &[Unit],
    layers: &BTreeMap<String, Layers>,
    (names, builds): (&ContainerNames, &[BuildInfo]),
) -> BTreeMap<String, ServiceInfo> {
    let service = |(name, layers): (&String, &Layers)| {
        let view = View::service(units, layers);
        let info = info::service(name, &view, &scene.profiles, (scene.input.kind, names))?;
        Some((name.clone(), info))
    };
    let mut services: BTreeMap<String, ServiceInfo> = layers.iter().filter_map(service).collect();
    // A swarm's copy does not say so any more.
    for build in builds {
        services
            .entry(build.service.clone())
            .and_modify(|service| service.built = true);
    }
    services
}

fn copies(input: &StackInput, units: Vec<Unit>) -> Vec<RewrittenFile> {
    let named: BTreeSet<&Path> = input.files.iter().map(|file| file.value.as_path()).collect();
    let copy = |unit: Unit| RewrittenFile {
        named: !unit.extended && named.contains(unit.path.as_path()),
        text: yaml::write_all(&unit.documents),
        path: unit.copy,
        original: unit.path,
        unchanged: unit.unchanged,
    };
    units.into_iter().map(copy).collect()
}

/// What is known of an environment.
fn known(environment: &Environment) -> BTreeMap<String, String> {
    let known = |(name, value): (&String, &Value)| Some((name.clone(), value.known()?.to_owned()));
    environment.iter().filter_map(known).collect()
}
