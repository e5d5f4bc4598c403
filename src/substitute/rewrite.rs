//! The rewriting of a stack: its files gathered, each substitution made in turn, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::builds::{self, Building};
use super::dockerfile::same_image;
use super::files::{Files, Looking, Refused};
use super::gather::{Gathered, gather};
use super::host_paths::same_path;
use super::input::StackInput;
use super::matching::Matching;
use super::names::ContainerNames;
use super::ports::Freeing;
use super::rewritten::{BuildInfo, Rewritten, RewrittenFile, ServiceInfo, Shared, Writable};
use super::unit::Unit;
use super::view::{self, Layers, View};
use super::{absent, external, host_paths, images, info, keys, labels, names, passed, paths, refused, unset, writable};
use crate::diagnostic::{Diagnostic, Level, did_you_mean};
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
        problems.push(misspelt(&units).unwrap_or_else(|| no_services(input, looking)));
        return None;
    }
    let scene = Scene {
        input,
        looking,
        directory,
        profiles,
    };
    problems.extend(refused::find(&units, &services, &scene.profiles, looking));
    let unknown = keys::unknown(&units, &services);
    let made = substitute(&scene, &mut units, problems);
    let services = view::services(&units);
    unset::find(&units, &services, scene.looking, problems);
    let mut rewritten = finish(&scene, units, Made { services, ..made });
    rewritten.notes.extend(unknown);
    Some(rewritten)
}

fn no_services(input: &StackInput, looking: &Looking<'_>) -> Diagnostic {
    let file = input.files.first();
    let (at, name) = file.map_or((&input.at, "it".to_owned()), |file| {
        (&file.span, looking.shown(&file.value))
    });
    Diagnostic::error(at, format!("there are no services in `{name}`"))
        .help("a compose file has a mapping `services:`; the format without it is too old")
}

/// A key that was to be `services`.
fn misspelt(units: &[Unit]) -> Option<Diagnostic> {
    let keys = units
        .iter()
        .flat_map(|unit| &unit.documents)
        .filter_map(yaml::Node::map);
    let keys = keys
        .flatten()
        .filter_map(|(key, _)| key.scalar().map(|name| (key, name)));
    let (key, name) = keys
        .filter(|(_, name)| *name != "services")
        .find(|(_, name)| did_you_mean(name, &["services"]).is_some())?;
    let message = format!("unknown key in a compose file, `{name}`");
    Some(Diagnostic::error(&key.span, message).help("did you mean `services`?"))
}

/// What a rewriting goes by.
struct Scene<'s> {
    input: &'s StackInput,
    looking: &'s Looking<'s>,
    directory: PathBuf,
    profiles: BTreeSet<String>,
}

/// What the substitutions made, as far as the files do not show it.
struct Made {
    services: BTreeMap<String, Layers>,
    names: ContainerNames,
    builds: Vec<BuildInfo>,
    freed: BTreeMap<u16, (String, u16)>,
    absent: Vec<Diagnostic>,
    writable: Vec<Writable>,
    gives: Vec<Shared>,
    wants: Vec<Shared>,
}

fn substitute(scene: &Scene<'_>, units: &mut Vec<Unit>, problems: &mut Vec<Diagnostic>) -> Made {
    let Scene { input, looking, .. } = scene;
    let services = view::services(units);
    let wanted = &input.substitutions;
    let mut image_keys = Matching::new("images", &wanted.images, same_image);
    let mut path_keys = Matching::new("host-paths", &wanted.host_paths, same_path);
    let mut external_keys = Matching::new("external", &wanted.external, |one, other| one == other);
    let build_keys = builds::keys(input);
    let mut build_keys = Matching::new("builds", &build_keys, same_path);

    for layers in services.values() {
        images::replace(units, layers, &mut image_keys);
    }
    images::replace_contexts(units, &mut image_keys);
    let mut ports = Freeing::new(&wanted.ports);
    ports.free(units);
    host_paths::replace(units, &mut path_keys, problems);
    let mut building = Building {
        input,
        looking,
        images: &mut image_keys,
        problems,
    };
    let copies = building.replace(units, &mut build_keys);
    // Before labels are added, which say nothing of what is built; and only what is active has to be there.
    let active = |units: &[Unit], layers: &Layers| {
        let profiles = View::service(units, layers).texts("profiles");
        info::is_active(&profiles.into_iter().collect(), &scene.profiles)
    };
    let of_active = services.values().filter(|layers| active(units, layers));
    let absent = absent::find(units, of_active.clone(), looking);
    let writable = writable::find(units, of_active, looking);
    let built = services.iter().filter(|(_, layers)| active(units, layers));
    let builds: Vec<BuildInfo> = built
        .filter_map(|(name, layers)| building.info(units, name, layers, &copies))
        .collect();
    building.without_copies(units, &copies);

    let wants = external::replace(units, &mut external_keys);
    let gives = external::given(units, &services, &scene.directory);
    external::prefix_names(units, input);
    let names = names::isolate(units, &services);
    paths::make_absolute(units);
    images::give_built(units, &services, &input.built);
    images::pull_nothing_of_ours(units, &services, &builds);
    labels::add(units, &services, input);
    problems.extend(image_keys.problems());
    problems.extend(ports.problems());
    for keys in [path_keys, build_keys, external_keys] {
        problems.extend(keys.problems());
    }
    Made {
        freed: ports.gone,
        services,
        names,
        builds,
        absent,
        writable,
        gives,
        wants,
    }
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
        gives,
        wants,
    } = made;
    let service = |(name, layers): (&String, &Layers)| {
        let view = View::service(&units, layers);
        Some((name.clone(), info::service(name, &view, &scene.profiles, &names)?))
    };
    let services: BTreeMap<String, ServiceInfo> = layers.iter().filter_map(service).collect();
    let waiting = services
        .values()
        .filter(|service| service.active)
        .flat_map(|service| &service.depends_on);
    let completes = waiting.filter(|(_, on)| on.condition == "service_completed_successfully");
    let named: BTreeSet<&Path> = input.files.iter().map(|file| file.value.as_path()).collect();
    Rewritten {
        project: input.project.clone(),
        directory: scene.directory.clone(),
        env_files: input.env_files.iter().map(|file| file.value.clone()).collect(),
        profiles: input.profiles.clone(),
        networks: info::network_names(&units, &layers, input),
        volumes: info::real_names(&units, "volumes", input),
        locks: info::locks(&units, &layers, &services),
        completes: completes.map(|(name, _)| name.clone()).collect(),
        builds,
        freed,
        absent,
        writable,
        gives,
        wants,
        notes: passed::notes(&units, &layers, &services),
        services,
        files: units
            .into_iter()
            .map(|unit| RewrittenFile {
                named: !unit.extended && named.contains(unit.path.as_path()),
                text: yaml::write_all(&unit.documents),
                path: unit.copy,
                original: unit.path,
                unchanged: unit.unchanged,
            })
            .collect(),
    }
}
