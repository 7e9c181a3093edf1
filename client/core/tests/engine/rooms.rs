//! The hub's rooms: what is handed in is judged by the same code as at the server.

use grove_core::{Method, Response};
use grove_mls::identity::{Head, SignedDeviceList};
use grove_mls::key_package;
use grove_mls::public::{CommitParts, HubGroup, NewLeaf, Refusal, group_info};
use grove_wire::api::events::{InboxEntry, InboxItem};
use grove_wire::api::rooms::{CreateRoomRequest, RoomCreated};
use grove_wire::codec::{self, Skippable};
use grove_wire::mimi::CONTENT_TYPE;
use grove_wire::mimi::Protocol;
use grove_wire::mimi::group_info::{GroupInfoRequest, PendingProposal};
use grove_wire::mimi::key_material::{
    ClientKeyMaterial, KeyMaterialRequest, KeyMaterialResponse, KeyMaterialUserCode,
};
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mimi::submit_message::{SubmitMessageRequest, SubmitMessageResponse};
use grove_wire::mimi::update::{
    HandshakeBundle, RatchetTreeOption, UpdateRequest, UpdateRoomResponse,
};
use grove_wire::mls::{GroupInfo, KeyPackage, MlsMessage};
use grove_wire::problem::ProblemType;
use grove_wire::uri::{ClientUri, IdentifierUri, RoomUri, UserUri};

use crate::hub::{Answer, Cursor, HubRoom, Problem, State, content_type, json, octets};
use crate::tricks::Tricks;

pub(crate) fn route(
    state: &mut State,
    who: &ClientUri,
    method: Method,
    parts: &[&str],
    query: &str,
    body: &[u8],
) -> Answer {
    match (method, parts) {
        (Method::Post, ["rooms"]) => create(state, who, body),
        (Method::Get, ["rooms", room, "tree", epoch]) => {
            tree(state, &uri(room), epoch.parse().unwrap())
        }
        (Method::Get, ["rooms", room, "log"]) => log(state, who, &uri(room), query),
        (Method::Post, ["keyMaterial", _user]) => key_material(state, who, body),
        (Method::Post, ["groupInfo", room]) => give_group_info(state, who, &uri(room), body),
        (Method::Post, ["submitMessage", room]) => submit(state, who, &uri(room), body),
        (Method::Post, ["update", room]) => update(state, who, &uri(room), body),
        other => panic!("no such route: {other:?}"),
    }
}

fn uri(text: &str) -> RoomUri {
    RoomUri::parse_path_segment(text).unwrap()
}

fn not_found() -> Problem {
    Problem::new(ProblemType::NotFound, "no such room")
}

fn member<'a>(
    state: &'a mut State,
    who: &ClientUri,
    room: &RoomUri,
) -> Result<&'a mut HubRoom, Problem> {
    let room = state.rooms.get_mut(room).ok_or_else(not_found)?;
    match room.cursors.get(who) {
        Some(cursor) if cursor.to == u64::MAX => Ok(room),
        _ => Err(not_found()),
    }
}

fn create(state: &mut State, who: &ClientUri, body: &[u8]) -> Answer {
    let request: CreateRoomRequest = codec::decode(body).unwrap();
    let group = HubGroup::create(&request, &state.domain, &state.key.public(), who)
        .map_err(|error| Problem::new(ProblemType::CommitRefused, &error.to_string()))?;
    let uri = group.state().room_uri.clone();
    if state.rooms.contains_key(&uri) {
        return Err(Problem::new(ProblemType::Conflict, "there already"));
    }
    let cursor = Cursor {
        from: 1,
        to: u64::MAX,
        position: 0,
    };
    let room = HubRoom {
        trees: [(0, group.epoch_tree().unwrap())].into(),
        group,
        group_info: request.group_info,
        log: Vec::new(),
        seen: [].into(),
        cursors: [(who.clone(), cursor)].into(),
        tricks: Tricks::default(),
    };
    state.rooms.insert(uri.clone(), room);
    json(&RoomCreated {
        room: uri,
        epoch: 0,
    })
}

fn tree(state: &State, room: &RoomUri, epoch: u64) -> Answer {
    let tree = state
        .rooms
        .get(room)
        .and_then(|room| room.trees.get(&epoch));
    octets(codec::encode(tree.ok_or_else(not_found)?).unwrap())
}

fn log(state: &mut State, who: &ClientUri, uri: &RoomUri, query: &str) -> Answer {
    let number = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name));
        value.unwrap().parse::<u64>().unwrap()
    };
    let (after, limit) = (number("after="), number("limit="));
    let room = state.rooms.get(uri).ok_or_else(not_found)?;
    let cursor = room.cursors.get(who).ok_or_else(not_found)?;
    let after = after.max(cursor.from - 1);
    octets(state.log_frame(uri, who, after, cursor.to.min(after + limit)))
}

fn key_material(state: &mut State, who: &ClientUri, body: &[u8]) -> Answer {
    let request: KeyMaterialRequest = codec::decode(body).unwrap();
    let user = request.target_user;
    let (mut clients, now) = (Vec::new(), state.now);
    let is_alive = |one: &KeyPackage| {
        key_package::validate(MlsMessage::from_key_package(one).as_bytes(), now).is_ok()
    };
    for (client, device) in state
        .devices
        .iter_mut()
        .filter(|(client, _)| client.user() == user && *client != who)
    {
        let client_uri = IdentifierUri::from(client);
        device.key_packages.retain(is_alive);
        clients.push(match device.key_packages.pop() {
            Some(key_package) => ClientKeyMaterial::Success {
                client_uri,
                key_package,
            },
            None => ClientKeyMaterial::KeyMaterialExhausted { client_uri },
        });
    }
    let user_status = KeyMaterialUserCode::PartialSuccess;
    let response = KeyMaterialResponse {
        protocol: Protocol::Mls10,
        user_status,
        user_uri: user,
        clients,
    };
    octets(codec::encode(&response).unwrap())
}

fn give_group_info(state: &mut State, who: &ClientUri, uri: &RoomUri, body: &[u8]) -> Answer {
    let request: GroupInfoRequest = codec::decode(body).unwrap();
    let room = state.rooms.get(uri).ok_or_else(not_found)?;
    if !room
        .group
        .state()
        .participants
        .iter()
        .any(|participant| participant.user == who.user())
    {
        return Err(not_found());
    }
    if room.tricks.denied.contains(who) {
        return Err(not_found());
    }
    let pending: Vec<PendingProposal> = room
        .group
        .pending()
        .map(|proposal| PendingProposal {
            proposal: proposal.clone(),
            hub_accepted_time: 1,
        })
        .collect();
    let tree = RatchetTreeOption::DistributionService;
    let shown = room.tricks.group_info.as_ref().unwrap_or(&room.group_info);
    let response =
        group_info::encrypt_group_info(&state.key, &request, uri, shown.clone(), tree, pending)
            .unwrap();
    octets(codec::encode(&response).unwrap())
}

fn submit(state: &mut State, who: &ClientUri, uri: &RoomUri, body: &[u8]) -> Answer {
    state.submissions += 1;
    let request: SubmitMessageRequest = codec::decode(body).unwrap();
    let now = state.now;
    let room = member(state, who, uri)?;
    let message = request.app_message;
    if room.tricks.refuses > 0 {
        room.tricks.refuses -= 1;
        room.tricks.kept.push(message);
        return Err(Problem::new(ProblemType::NotAllowed, "not now"));
    }
    let seq = if let Some(seq) = room.seen.get(message.as_bytes()) {
        *seq
    } else {
        check_epoch(room, &message)?;
        if !room.group.may_send(&who.user()) {
            return Err(Problem::new(
                ProblemType::NotAllowed,
                "your role may not send",
            ));
        }
        append(
            uri,
            room,
            now,
            message,
            FanoutTail::Application { frank: None },
        )
    };
    let response = SubmitMessageResponse::Accepted {
        accepted_timestamp: now,
        frank: None,
    };
    accepted(state, who, uri, seq, codec::encode(&response).unwrap())
}

fn check_epoch(room: &HubRoom, message: &MlsMessage) -> Result<(), Problem> {
    let current = room.group.epoch();
    if message.framing().unwrap().epoch == current {
        return Ok(());
    }
    Err(Problem::stale(current))
}

pub(crate) fn append(
    uri: &RoomUri,
    room: &mut HubRoom,
    now: u64,
    message: MlsMessage,
    tail: FanoutTail,
) -> u64 {
    let before = room
        .log
        .last()
        .map_or_else(|| Head::start(uri), |(_, head)| *head);
    let seq = u64::try_from(room.log.len()).unwrap() + 1;
    room.seen.insert(message.as_bytes().to_vec(), seq);
    let entry = codec::encode(&FanoutMessage {
        timestamp: now,
        message,
        tail,
    })
    .unwrap();
    let head = before.next(seq, &entry);
    room.log.push((entry, head));
    seq
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an answer, like those that can be problems"
)]
fn accepted(state: &State, who: &ClientUri, uri: &RoomUri, seq: u64, body: Vec<u8>) -> Answer {
    let receipt = state.receipt(uri, &state.rooms[uri], seq);
    let receipt = grove_wire::api::Base64Url::from(receipt.as_bytes().to_vec()).encode();
    let mut headers = content_type(CONTENT_TYPE);
    headers.push(("mimi-seq".to_owned(), seq.to_string()));
    if !state.rooms[uri].tricks.unsigned.contains(who) {
        headers.push(("grove-receipt".to_owned(), receipt));
    }
    Ok(Response {
        status: 200,
        headers,
        body,
    })
}

fn update(state: &mut State, who: &ClientUri, uri: &RoomUri, body: &[u8]) -> Answer {
    let request: UpdateRequest = codec::decode(body).unwrap();
    let now = state.now;
    let room = state.rooms.get_mut(uri).ok_or_else(not_found)?;
    let seq = match room.seen.get(request.bundle.first().as_bytes()) {
        Some(seq) => *seq,
        None if room.tricks.swallows => u64::try_from(room.log.len()).unwrap(),
        None => match &request.bundle {
            HandshakeBundle::Commit { .. } => commit(state, who, uri, &request.bundle, now)?,
            HandshakeBundle::Proposal {
                proposal,
                more_proposals,
            } => {
                let all: Vec<MlsMessage> = [proposal]
                    .into_iter()
                    .chain(more_proposals)
                    .cloned()
                    .collect();
                let checked = room.group.check_proposals(&all, who).map_err(refused)?;
                room.group.add_proposals(checked).unwrap();
                let tail = FanoutTail::Proposal {
                    more_proposals: more_proposals.clone(),
                };
                append(uri, room, now, proposal.clone(), tail)
            }
        },
    };
    let response = UpdateRoomResponse::Success {
        accepted_timestamp: now,
    };
    accepted(state, who, uri, seq, codec::encode(&response).unwrap())
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::WrongEpoch { current } => Problem::stale(current),
        other => Problem::new(ProblemType::CommitRefused, &other.to_string()),
    }
}

fn commit(
    state: &mut State,
    who: &ClientUri,
    uri: &RoomUri,
    bundle: &HandshakeBundle,
    now: u64,
) -> Result<u64, Problem> {
    let HandshakeBundle::Commit {
        commit,
        welcome,
        group_info,
        ratchet_tree,
    } = bundle
    else {
        panic!("a bundle of proposals")
    };
    let room = state.rooms.get_mut(uri).unwrap();
    let parts = CommitParts {
        commit,
        welcome: welcome.as_ref(),
        group_info,
        ratchet_tree,
    };
    let checked = room.group.check_commit(parts, who, now).map_err(refused)?;
    let is_listed = |leaf: &NewLeaf| {
        let list = SignedDeviceList::decode(&state.lists[&leaf.client.user()]).unwrap();
        list.list().identity.is_same(&leaf.identity)
    };
    if room.tricks.judges_leaves
        && let Some(leaf) = checked.new_leaves.iter().find(|leaf| !is_listed(leaf))
    {
        return Err(Problem::outdated(&leaf.client));
    }
    let (added, removed, joined) = (
        checked.added.clone(),
        checked.removed.clone(),
        checked.joined.clone(),
    );
    room.group_info = GroupInfo::from_bytes(checked.group_info.clone()).unwrap();
    room.group.merge(checked).unwrap();
    let epoch = room.group.epoch();
    room.trees.insert(epoch, room.group.epoch_tree().unwrap());
    let tail = FanoutTail::Commit {
        external_proposals: Vec::new(),
    };
    let relayed = room.tricks.relay(commit);
    let seq = append(uri, room, now, relayed, tail);
    room.seen.insert(commit.as_bytes().to_vec(), seq);
    for client in removed {
        room.cursors.get_mut(&client).unwrap().to = seq;
    }
    if let Some(client) = joined {
        room.cursors.insert(
            client,
            Cursor {
                from: seq,
                to: u64::MAX,
                position: seq,
            },
        );
    }
    for one in added {
        room.cursors.insert(
            one.client.clone(),
            Cursor {
                from: seq + 1,
                to: u64::MAX,
                position: seq,
            },
        );
        let welcome = welcome.as_ref().unwrap();
        let place = welcome
            .recipients()
            .iter()
            .position(|found| *found == one.reference)
            .unwrap();
        let inbox = &mut state.devices.get_mut(&one.client).unwrap().inbox;
        inbox.push(InboxEntry {
            id: now * 100 + u64::try_from(place).unwrap(),
            item: Skippable::Known(InboxItem::Welcome {
                room: uri.clone(),
                seq,
                epoch,
                welcome: welcome.entry_for(place).unwrap(),
            }),
        });
    }
    Ok(seq)
}

/// The user an address names.
pub(crate) fn user(name: &str) -> UserUri {
    UserUri::parse(&format!("{name}@a.example")).unwrap()
}
