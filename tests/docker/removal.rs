//! What has a label is found in the order in which it can be removed, and removing is for good.

use e2erun::engine::{ContainerSpec, Engine, Resource, ResourceKind};

use super::stage::Stage;

#[tokio::test]
async fn all_kinds_are_listed_in_order_and_removed_although_in_use() {
    Stage::with(async |stage| {
        let engine = &stage.engine;
        let (network, volume, image) = (stage.name("net"), stage.name("data"), stage.name("image"));
        engine.create_network(&stage.network(&network)).await.unwrap();
        engine.create_volume(&stage.volume(&volume)).await.unwrap();
        let spec = ContainerSpec {
            networks: vec![(network.clone(), Vec::new())],
            volumes: vec![format!("{volume}:/data")],
            ..stage.shell("sleep 600")
        };
        let id = stage.start_spec(&spec).await;
        engine.commit(&id, &image, &stage.labels()).await.unwrap();
        let listed = engine.labelled(&stage.label).await.unwrap();
        let kinds: Vec<ResourceKind> = listed.iter().map(|resource| resource.kind).collect();
        let expected = [
            ResourceKind::Container,
            ResourceKind::Network,
            ResourceKind::Volume,
            ResourceKind::Image,
        ];
        assert_eq!(kinds, expected);
        assert!(
            listed.iter().all(|resource| resource.created > 1_700_000_000),
            "{listed:?}"
        );
        assert_eq!(listed[1].name, network);
        assert_eq!(listed[3].name, format!("{image}:latest"));
        // The container is still on the network: it is taken off.
        engine.remove(ResourceKind::Network, &listed[1].id).await.unwrap();
        for resource in &listed {
            engine.remove(resource.kind, &resource.id).await.unwrap();
            // What is gone is a success.
            engine.remove(resource.kind, &resource.id).await.unwrap();
        }
        assert_eq!(engine.labelled(&stage.label).await, Ok(Vec::<Resource>::new()));
    })
    .await;
}

#[tokio::test]
async fn two_who_remove_the_same_both_succeed() {
    Stage::with(async |stage| {
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(stage.start("sleep 600").await);
        }
        let twice = ids.iter().flat_map(|id| [id, id, id]);
        let removals = twice.map(|id| stage.engine.remove(ResourceKind::Container, id));
        for removed in futures_util::future::join_all(removals).await {
            removed.unwrap();
        }
        assert_eq!(stage.engine.labelled(&stage.label).await, Ok(Vec::<Resource>::new()));
    })
    .await;
}

#[tokio::test]
async fn a_change_whose_caller_went_is_made_to_its_end() {
    Stage::with(async |stage| {
        let spec = stage.shell("sleep 600");
        let mut create = Box::pin(stage.engine.create(&spec));
        // Polled once: the call is under way when its caller goes.
        assert!(futures_util::poll!(create.as_mut()).is_pending());
        drop(create);
        stage.engine.settled().await;
        assert_eq!(stage.engine.labelled(&stage.label).await.unwrap().len(), 1);
    })
    .await;
}
