//! Counting, without connections.

use super::*;

const CAPACITY: Capacity = Capacity {
    connections: 16,
    waiting: 8,
    streams: 4,
    requests: 2,
    per_address: 3,
    open_bodies: 1_000,
    priority_bodies: 1_000,
};

fn address(last: u8) -> IpAddr {
    [203, 0, 113, last].into()
}

#[test]
fn one_address_has_its_share_and_gets_it_back() {
    let gate = Gate::new(CAPACITY);
    let mut open: Vec<_> = (0..3).map(|_| gate.connect(Some(address(1))).ok()).collect();
    assert!(open.iter().all(Option::is_some));
    assert_eq!(gate.connect(Some(address(1))).err(), Some(Refused::Address));
    assert!(gate.connect(Some(address(2))).is_ok());
    open.pop();
    assert!(gate.connect(Some(address(1))).is_ok());
    drop(open);
    assert!(gate.lock().by_address.is_empty());
}

#[test]
fn whoever_has_waited_longest_makes_room() {
    let gate = Gate::new(CAPACITY);
    let open: Vec<_> = (0..10).map(|_| gate.connect(None).unwrap()).collect();
    let evicted: Vec<_> = open.iter().map(|it| it.is_evicted()).collect();
    assert_eq!(evicted, [true, true, false, false, false, false, false, false, false, false]);
    // The rest of its request has come before it was closed.
    let exchange = open[0].begin(Class::Open, None, false).unwrap();
    assert!(!open[0].is_evicted());
    drop(exchange);
    assert!(!open[0].is_evicted(), "it waits anew");
}

#[test]
fn where_nobody_waits_nobody_makes_room() {
    let gate = Gate::new(CAPACITY);
    let mut busy = Vec::new();
    while let Ok(connection) = gate.connect(None) {
        busy.push(connection.begin(Class::Priority, None, false).unwrap());
    }
    assert_eq!(busy.len(), CAPACITY.connections);
    assert_eq!(gate.connect(None).err(), Some(Refused::Connections));
    busy.pop();
    assert!(gate.connect(None).is_ok());
}

#[test]
fn requests_with_priority_are_not_counted_among_the_others() {
    let gate = Gate::new(CAPACITY);
    let begin = |class| gate.connect(None).unwrap().begin(class, None, false);
    let open = [begin(Class::Open).ok(), begin(Class::Open).ok()];
    assert!(open.iter().all(Option::is_some));
    assert_eq!(begin(Class::Open).err(), Some(Refused::Requests));
    assert!(begin(Class::Priority).is_ok());
}

#[test]
fn a_webhook_whose_body_is_awaited_makes_room_for_nobody() {
    let gate = Gate::new(CAPACITY);
    let webhook = gate.connect(None).unwrap();
    let _exchange = webhook.begin(Class::Priority, None, true).unwrap();
    let page = gate.connect(None).unwrap();
    let _other = page.begin(Class::Open, None, true).unwrap();
    let _crowd: Vec<_> = (0..9).map(|_| gate.connect(None).unwrap()).collect();
    assert!(page.is_evicted() && !webhook.is_evicted());
}

#[test]
fn everything_is_given_back() {
    let gate = Gate::new(CAPACITY);
    let connection = gate.connect(Some(address(1))).unwrap();
    let exchange = connection.begin(Class::Open, Some(address(2)), true).unwrap();
    connection.take_body(Class::Open, 500).unwrap();
    connection.body_is_complete();
    connection.give_back_body(Class::Open, 500);
    exchange.stream().unwrap();
    drop((connection, exchange));
    let held = gate.lock();
    let counts = [held.connections, held.requests, held.streams, held.open_bodies, held.by_address.len()];
    assert_eq!(counts, [0; 5]);
    assert!(held.heads.is_empty() && held.bodies.is_empty());
}
