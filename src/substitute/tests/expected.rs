//! What a swarm stack expects to be there, as far as no substitution and no secret of the scenario gives it.

use super::super::Shared;
use super::{shown, swarm};

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
    let notes: Vec<_> = rewritten.expects.iter().map(Shared::note).collect();
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
