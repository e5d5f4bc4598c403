//! What a stack expects to be there, as far as no substitution and no secret of the scenario gives it.

use super::super::StackKind;
use super::{files, shown, stack, swarm};

#[test]
fn what_is_expected_of_the_swarm_is_noted() {
    let text = "services:\n  web: {image: x, secrets: [s], configs: [c], networks: [n, host]}\nsecrets: {s: {external: true}, unused: {external: true}}\nconfigs: {c: {external: {name: theirs}}}\nnetworks: {n: {external: true}, host: {external: true}}\n";
    let stack = swarm(text);
    let rewritten = stack.rewritten();
    let expects: Vec<_> = rewritten
        .expects
        .iter()
        .map(|want| (want.section, want.name.as_str()))
        .collect();
    assert_eq!(expects, [("networks", "n"), ("secrets", "s"), ("configs", "theirs")]);
    let notes: Vec<_> = rewritten
        .expects
        .iter()
        .map(|want| want.note(StackKind::Swarm))
        .collect();
    assert_eq!(
        shown(&notes),
        "/app/stack.yml:5:15: the network `n` is external: the swarm has to have it already [let the scenario make it, `networks: {n: {…}}`, and the stack have it: `substitute: {external: {n: \"${{ networks.n }}\"}}`]\n\
         /app/stack.yml:3:14: the secret `s` is external: the swarm has to have it already [give it, in the scenario: `secrets: {s: {content: …}}`, or `{file: …}`]\n\
         /app/stack.yml:4:14: the config `theirs` is external: the swarm has to have it already [give it, in the scenario: `configs: {c: {content: …}}`, or `{file: …}`]\n"
    );
    assert!(
        swarm(text)
            .external("n", "a")
            .external("s", "b")
            .external("c", "d")
            .rewritten()
            .expects
            .is_empty()
    );
}

#[test]
fn what_active_services_of_a_compose_stack_have_is_expected_of_the_engine() {
    let told = |text: &str| {
        let rewritten = stack(text).rewritten();
        let notes: Vec<_> = rewritten
            .expects
            .iter()
            .map(|want| want.note(StackKind::Compose))
            .collect();
        shown(&notes)
    };
    let of_network = "[let the scenario make it, `networks: {default: {…}}`, and the stack have it: `substitute: {external: {default: \"${{ networks.default }}\"}}`]";
    assert_eq!(
        told("services: {web: {image: x}}\nnetworks: {default: {external: true, name: prod-net}}\n"),
        format!(
            "/app/compose.yml:2:21: the network `prod-net` is external: the engine has to have it already {of_network}\n"
        )
    );
    let of_volume = "[let the scenario make it, `volumes: {data: {…}}`, and the stack have it: `substitute: {external: {data: \"${{ volumes.data }}\"}}`]";
    assert_eq!(
        told(
            "services: {web: {image: x, volumes: ['data:/d']}}\nvolumes: {data: {external: true}, unused: {external: true}}\n"
        ),
        format!(
            "/app/compose.yml:2:17: the volume `data` is external: the engine has to have it already {of_volume}\n"
        )
    );
    // Nobody is on the first, and the other one every engine has.
    let inactive = "services: {web: {image: x, network_mode: none}, more: {image: x, profiles: [more]}, own: {image: x, networks: [own]}}\n";
    let networks = "networks: {default: {external: true}, own: {external: true, name: host}}\n";
    assert_eq!(told(&format!("{inactive}{networks}")), "");
}

#[test]
fn of_several_files_the_last_says_what_is_expected() {
    let one = "services: {web: {extends: {file: base.yml, service: web}}}\nnetworks: {default: {external: true, name: one}}\n";
    let other = "networks: {default: {external: true, name: other}}\n";
    let base = "services: {web: {image: x}}\nnetworks: {default: {external: true, name: of-another-file}}\n";
    let disk = [
        ("/app/one.yml", one),
        ("/app/other.yml", other),
        ("/app/base.yml", base),
    ];
    let rewritten = files(&["/app/one.yml", "/app/other.yml"], &disk).rewritten();
    let names: Vec<_> = rewritten.expects.iter().map(|want| want.name.as_str()).collect();
    assert_eq!(names, ["other"]);
}
