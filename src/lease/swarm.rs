//! The swarm that e2erun makes of an engine in none: marked in its labels, and left when nobody has anything in it.

use std::time::Duration;

use tokio::time::Instant;

use super::Lease;
use crate::engine::{Engine, EngineResult, Labels, Listed, ResourceKind, of_the_surroundings};
use crate::wait::{Pace, every};

/// The label of a swarm that e2erun made, with the run that did.
pub const SWARM: &str = "e2erun.swarm";
/// The label that says whether the engine had the network of swarm services to the outside before.
const GATEWAY_WAS_THERE: &str = "e2erun.swarm.gateway-was-there";
/// That network; leaving does not take it away.
const GATEWAY: &str = "docker_gwbridge";
/// The network of the routing mesh, which each swarm has.
const INGRESS: &str = "ingress";
/// How long an engine is asked again that cannot make a swarm now: it may have the ports of one yet that it has just left.
const LIMIT: Duration = Duration::from_secs(30);
const PACE: Pace = Pace::growing(Duration::from_millis(100), Duration::from_secs(1));

/// What is to become of an engine's swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwarmEnd {
    /// There is none, or it is not e2erun's.
    NotOurs,
    /// It stays, because of what is in it.
    Stays(String),
    /// It is left, or can be.
    Left,
    /// It is left, but its network to the outside could not be removed, and why: the next run tries again.
    LeftNetwork(String),
}

/// Makes a swarm of an engine, for a run; one that is there is used as it is.
pub async fn make_swarm(engine: &dyn Engine, run: &str) -> EngineResult<()> {
    if engine.swarm().await?.is_some() {
        return Ok(());
    }
    let was_there = engine
        .networks(&[])
        .await?
        .iter()
        .any(|network| network.name == GATEWAY);
    let labels: Labels = [
        (SWARM.to_owned(), run.to_owned()),
        (GATEWAY_WAS_THERE.to_owned(), was_there.to_string()),
    ]
    .into();
    let tried = || async {
        match made(engine, &labels).await {
            Err(why) if of_the_surroundings(&why.answer) => Err(why),
            made => Ok(made),
        }
    };
    every(PACE, Instant::now() + LIMIT, tried).await.unwrap_or_else(Err)
}

async fn made(engine: &dyn Engine, labels: &Labels) -> EngineResult<()> {
    match engine.swarm_init(labels).await {
        // Another run was faster.
        Err(why) => match engine.swarm().await {
            Ok(Some(_)) => Ok(()),
            _ => Err(why),
        },
        made => made,
    }
}

/// What is to become of an engine's swarm now.
pub async fn swarm_end(engine: &dyn Engine) -> EngineResult<SwarmEnd> {
    let swarm = engine.swarm().await?;
    if swarm.is_none_or(|swarm| !swarm.labels.contains_key(SWARM)) {
        return Ok(SwarmEnd::NotOurs);
    }
    Ok(match within(engine).await? {
        Some(what) => SwarmEnd::Stays(what),
        None => SwarmEnd::Left,
    })
}

/// Leaves an engine's swarm if e2erun made it and nothing is in it, and takes away what it brought along: the lease tells
/// of that if it comes to no end.
pub async fn leave_swarm(engine: &dyn Engine, lease: &Lease) -> EngineResult<SwarmEnd> {
    let end = swarm_end(engine).await?;
    let Some(swarm) = engine.swarm().await?.filter(|_| end == SwarmEnd::Left) else {
        return Ok(end);
    };
    if swarm.labels.get(GATEWAY_WAS_THERE).is_none_or(|there| there != "false") {
        engine.swarm_leave().await?;
        return Ok(end);
    }
    lease.removes_gateway(&engine.info().await?.id);
    engine.swarm_leave().await?;
    Ok(match engine.remove(ResourceKind::Network, GATEWAY).await {
        Ok(()) => {
            lease.removed_gateway();
            SwarmEnd::Left
        }
        Err(why) => SwarmEnd::LeftNetwork(why.to_string()),
    })
}

/// Removes what a swarm of e2erun's brought along that a dead run was leaving; false where another one of e2erun's has it
/// now. That of somebody else's is theirs.
pub(super) async fn remove_gateway(engine: &dyn Engine, is_in_swarm: bool) -> EngineResult<bool> {
    match engine.swarm().await? {
        Some(swarm) => Ok(!swarm.labels.contains_key(SWARM)),
        None if is_in_swarm => Ok(true),
        None => engine.remove(ResourceKind::Network, GATEWAY).await.map(|()| true),
    }
}

/// Something in the swarm that would go with it; none when it is empty.
async fn within(engine: &dyn Engine) -> EngineResult<Option<String>> {
    // Leaving takes away the published ports of all containers, those of compose projects too (moby#47392).
    let open = |container: &Listed| container.has_ports() && !container.ports.is_empty();
    if let Some(one) = engine.listed().await?.into_iter().find(open) {
        let name = one.name;
        return Ok(Some(format!(
            "container `{name}` publishes ports, which leaving would take away"
        )));
    }
    let (nodes, services) = futures_util::try_join!(engine.swarm_nodes(), engine.services(&[]))?;
    if let Some(service) = services.first() {
        return Ok(Some(format!("service `{}` is in it", service.name)));
    }
    if nodes.len() > 1 {
        return Ok(Some(format!("it has {} nodes", nodes.len())));
    }
    let (secrets, configs) = futures_util::try_join!(engine.secrets(&[]), engine.configs(&[]))?;
    for (what, all) in [("secret", secrets), ("config", configs)] {
        if let Some(name) = all.values().next() {
            return Ok(Some(format!("{what} `{name}` is in it")));
        }
    }
    let networks = engine.networks(&[]).await?;
    let own = |name: &str| name == INGRESS;
    let mut overlays = networks
        .iter()
        .filter(|network| network.driver == "overlay" && !own(&network.name));
    Ok(overlays
        .next()
        .map(|network| format!("network `{}` is in it", network.name)))
}

#[cfg(test)]
mod tests {
    use super::{Lease, SWARM, SwarmEnd, make_swarm};
    use crate::engine::fake::{Fake, Reply};
    use crate::engine::{ContainerSpec, Engine, EngineResult, Labels, NetworkSpec, Reason, Swarm};
    use crate::host::{NoGroups, RealHost};
    use crate::lease::{Leases, Swept, sweep};

    #[tokio::test]
    async fn what_was_made_is_left_and_nothing_stays() {
        let fake = Fake::new("e2erun.lease=run");
        make_swarm(&fake, "run").await.unwrap();
        assert_eq!(fake.swarm().await.unwrap().unwrap().labels[SWARM], "run");
        // Another run finds it there.
        make_swarm(&fake, "other").await.unwrap();
        assert_eq!(fake.swarm().await.unwrap().unwrap().labels[SWARM], "run");
        assert_eq!(leave_swarm(&fake).await, Ok(SwarmEnd::Left));
        assert_eq!(fake.swarm().await, Ok(None));
        assert_eq!(leave_swarm(&fake).await, Ok(SwarmEnd::NotOurs));
        fake.assert_clean();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_the_way_of_one_may_go_by() {
        let taken = Reply::Fail(Reason::Other, "listen tcp 127.0.0.1:2377: bind: address already in use");
        let check = async |reply: Reply, often: u64, passes: bool| {
            let fake = Fake::new("e2erun.lease=run");
            for nth in 1..=often {
                fake.call("swarm_init", nth, reply.clone());
            }
            assert_eq!(make_swarm(&fake, "run").await.is_ok(), passes, "{reply:?} {often}");
        };
        check(taken.clone(), 3, true).await;
        check(taken, 100, false).await;
        check(Reply::Fail(Reason::Other, "it is locked"), 1, false).await;
    }

    async fn leave_swarm(fake: &Fake) -> EngineResult<SwarmEnd> {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), &[]).unwrap();
        super::leave_swarm(fake, &lease).await
    }

    #[tokio::test]
    async fn a_network_that_could_not_be_removed_goes_with_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), &[]).unwrap();
        let fake = Fake::new(&lease.label());
        let removals = || fake.journal().iter().filter(|call| call.starts_with("remove ")).count();
        make_swarm(&fake, "run").await.unwrap();
        fake.call("remove", 1, Reply::Fail(Reason::Conflict, "it has active endpoints"));
        let left = super::leave_swarm(&fake, &lease).await.unwrap();
        assert!(
            matches!(&left, SwarmEnd::LeftNetwork(why) if why.contains("active endpoints")),
            "{left:?}"
        );
        lease.end().unwrap();
        let host = RealHost::new(std::sync::Arc::new(NoGroups));
        let sweep = async || {
            let leases = Leases::look(folder.path()).unwrap();
            sweep(&fake, &host, &leases.dead[0]).await
        };
        // A swarm that e2erun has made since has it: it is looked at again when that is left.
        make_swarm(&fake, "other").await.unwrap();
        assert_eq!(sweep().await, Swept::default());
        assert_eq!(removals(), 1);
        fake.swarm_leave().await.unwrap();
        assert_eq!(sweep().await, Swept::default());
        assert_eq!(removals(), 2);
        assert!(Leases::look(folder.path()).unwrap().dead.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_is_ended_while_it_leaves_one_has_the_next_run_remove_the_rest() {
        for (call, nth) in [("swarm_leave", 1), ("remove", 1)] {
            let folder = tempfile::tempdir().unwrap();
            let lease = Lease::take(folder.path(), &[]).unwrap();
            let fake = Fake::new(&lease.label());
            make_swarm(&fake, "run").await.unwrap();
            fake.call(call, nth, Reply::Forever);
            let leaving = super::leave_swarm(&fake, &lease);
            let ended = tokio::time::timeout(std::time::Duration::from_secs(1), leaving).await;
            assert!(ended.is_err(), "{call}");
            lease.end().unwrap();
            let dead = Leases::look(folder.path()).unwrap().dead;
            assert_eq!(dead.len(), 1, "{call}");
            // What nobody waits for is done all the same.
            fake.swarm_leave().await.ok();
            let host = RealHost::new(std::sync::Arc::new(NoGroups));
            assert_eq!(sweep(&fake, &host, &dead[0]).await, Swept::default(), "{call}");
            assert_eq!(fake.journal().last().unwrap(), "remove docker_gwbridge", "{call}");
            assert!(Leases::look(folder.path()).unwrap().dead.is_empty(), "{call}");
        }
    }

    #[tokio::test]
    async fn a_swarm_of_somebody_else_s_stays() {
        let fake = Fake::new("e2erun.lease=run");
        fake.in_swarm(Labels::new());
        make_swarm(&fake, "run").await.unwrap();
        assert_eq!(leave_swarm(&fake).await, Ok(SwarmEnd::NotOurs));
        assert!(fake.swarm().await.unwrap().is_some());
    }

    #[tokio::test]
    async fn one_that_would_take_away_the_port_of_a_paused_container_stays() {
        let fake = Fake::new("e2erun.lease=run");
        fake.image("busybox");
        make_swarm(&fake, "run").await.unwrap();
        let spec = ContainerSpec {
            name: "theirs".to_owned(),
            image: "busybox".to_owned(),
            labels: [("e2erun.lease".to_owned(), "run".to_owned())].into(),
            expose: vec!["80".to_owned()],
            ..ContainerSpec::default()
        };
        let theirs = fake.create(&spec).await.unwrap();
        fake.start(&theirs).await.unwrap();
        fake.pause(&theirs).await.unwrap();
        let why = "container `theirs` publishes ports, which leaving would take away";
        assert_eq!(leave_swarm(&fake).await, Ok(SwarmEnd::Stays(why.to_owned())));
        fake.kill(&theirs, "KILL").await.unwrap();
        assert_eq!(leave_swarm(&fake).await, Ok(SwarmEnd::Left));
    }

    #[tokio::test]
    async fn one_that_holds_something_stays() {
        let fake = Fake::new("e2erun.lease=run");
        make_swarm(&fake, "run").await.unwrap();
        let labels: Labels = [("e2erun.lease".to_owned(), "run".to_owned())].into();
        let secret = fake.create_secret("key", "x".into(), &labels).await.unwrap();
        let stays = SwarmEnd::Stays("secret `key` is in it".to_owned());
        assert_eq!(leave_swarm(&fake).await, Ok(stays));
        fake.remove(crate::engine::ResourceKind::Secret, &secret).await.unwrap();
        let wide = NetworkSpec {
            name: "wide".to_owned(),
            driver: "overlay".to_owned(),
            labels,
            ..NetworkSpec::default()
        };
        let network = fake.create_network(&wide).await.unwrap();
        let stays = SwarmEnd::Stays("network `wide` is in it".to_owned());
        assert_eq!(leave_swarm(&fake).await, Ok(stays));
        fake.remove(crate::engine::ResourceKind::Network, &network)
            .await
            .unwrap();
        assert_eq!(leave_swarm(&fake).await, Ok(SwarmEnd::Left));
    }
}
