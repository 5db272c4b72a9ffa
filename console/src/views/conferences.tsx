// Conference rooms: who is inside, and whatever this switch lets a dispatcher do with them.

import { useState } from "preact/hooks";
import { at, post, remove, request, start } from "../api/client.ts";
import { offers } from "../api/offered.ts";
import type { Conference, ConferenceParticipant, ConferenceRollCall } from "../api/types.ts";
import { ArmedButton, Ask, Button, Empty, Panel } from "../parts/controls.tsx";
import { conversation, dial, hangUp } from "../rtc/telephone.ts";
import { canTalk, conferences, mayAct, names, now, soon } from "../state/store.ts";
import { since, span } from "../words/times.ts";
import { say } from "../words/words.ts";

const ROOM = "/voice/conferences/{id}";

function Member({ room, who }: { room: string; who: ConferenceParticipant }) {
  const path = `/voice/conferences/${at(room)}/members/${at(who.leg_id)}`;
  const mute = async () => {
    await request("PATCH", path, { muted: !who.muted });
    soon("conferences");
  };
  return (
    <li class="participant">
      <span class="who">
        <b>{who.party}</b> {who.display_name || names.value.get(who.party)}{" "}
        {who.muted && <span class="badge">{say("muted")}</span>}{" "}
        {who.hand_since && <span class="badge emergency">{say("raised")}</span>}
      </span>
      <span class="clock">{span(since(who.since, now.value))}</span>
      {mayAct.value && offers(`PATCH ${ROOM}/members/{party}`) && (
        <span class="tools">
          <Button
            label={say(who.muted ? "unmute" : "mute")}
            icon={who.muted ? "muted" : "microphone"}
            kind="quiet"
            iconOnly
            onPress={mute}
          />
          <ArmedButton label={say("remove_member")} icon="close" iconOnly onPress={() => remove(path)} />
        </span>
      )}
    </li>
  );
}

function Room({ room }: { room: Conference }) {
  const [open, setOpen] = useState(false);
  const path = `/voice/conferences/${at(room.number)}`;
  const inside = conversation.value?.peer === room.number;
  const invite = (number: string) =>
    offers(`POST ${ROOM}/invite`)
      ? post(`${path}/invite`, { members: Object.fromEntries(number.split(/\s+/).map((each) => [each, {}])) })
      : start("/voice/calls", { caller: number, callee: room.number });
  return (
    <li class={`room ${room.participants.length > 0 ? "used" : ""}`} data-room={room.number}>
      <div class="room-line">
        <i class="lamp" aria-hidden="true" />
        <strong>{room.name || room.number}</strong>
        <span class="number">{room.number}</span>
        {room.pin_needed && <span class="badge">{say("pin_needed")}</span>}
        {room.locked && <span class="badge">{say("locked")}</span>}
        <span class="people">
          {room.participants.length}
          {room.max_participants > 0 && `/${room.max_participants}`}
        </span>
        {canTalk() &&
          (inside ? (
            <Button label={say("leave")} icon="hang_up" kind="danger" onPress={hangUp} />
          ) : (
            <Button label={say("enter_conference")} icon="call" kind="good" onPress={() => dial(room.number)} />
          ))}
        {mayAct.value && (
          <Button label={say("invite")} icon="plus" kind="quiet" pressed={open} onPress={() => setOpen(!open)} />
        )}
      </div>
      {open && <Ask label={say("number")} verb={say("invite")} onGive={invite} />}
      {mayAct.value && room.plans.length > 0 && (
        <div class="orders">
          {room.plans.map((plan) => (
            <Button
              key={plan}
              label={`${say("start_plan")}: ${plan}`}
              icon="call"
              onPress={() => start(`${path}/start`, { plan })}
            />
          ))}
        </div>
      )}
      {room.participants.length === 0 && <p class="hint">{say("empty_room")}</p>}
      <ul class="participants">
        {room.participants.map((who) => (
          <Member key={who.leg_id} room={room.number} who={who} />
        ))}
      </ul>
      {mayAct.value && offers(`POST ${ROOM}/end`) && room.participants.length > 0 && (
        <RoomOrders path={path} locked={room.locked} />
      )}
    </li>
  );
}

function RoomOrders({ path, locked }: { path: string; locked: boolean }) {
  const [called, setCalled] = useState<ConferenceRollCall | null>(null);
  const order = (verb: string, body: object) => async () => {
    await post(`${path}/${verb}`, body);
    soon("conferences");
  };
  return (
    <div class="orders">
      <Button
        label={say(locked ? "unlock" : "lock")}
        icon="lock"
        pressed={locked}
        onPress={order("lock", { locked: !locked })}
      />
      <Button label={say("mute_all")} icon="muted" onPress={order("mute", { muted: true })} />
      <Button label={say("unmute")} icon="microphone" onPress={order("mute", { muted: false })} />
      <Button
        label={say("roll_call")}
        icon="records"
        onPress={async () => setCalled(await start<ConferenceRollCall>(`${path}/roll_call`, {}))}
      />
      {called && (
        <span>
          {called.present} {say("present")} · {called.missing} {say("missing")}
        </span>
      )}
      <ArmedButton label={say("end_conference")} onPress={order("end", {})} />
    </div>
  );
}

export function Conferences() {
  return (
    <div class="view single">
      <Panel title={say("conferences")} count={conferences.value.length}>
        {conferences.value.length === 0 && <Empty>{say("no_conferences")}</Empty>}
        <ul class="rooms">
          {conferences.value.map((room) => (
            <Room key={room.number} room={room} />
          ))}
        </ul>
      </Panel>
    </div>
  );
}
