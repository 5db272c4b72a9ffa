// Conference rooms: who is inside, and whatever this switch lets a dispatcher do with them.

import { useState } from "preact/hooks";
import { at, post, start } from "../api/client.ts";
import { offers } from "../api/offered.ts";
import type { Conference, RoomParticipant } from "../api/types.ts";
import { ArmedButton, Ask, Button, Empty, Panel } from "../parts/controls.tsx";
import { conversation, dial, hangUp } from "../rtc/telephone.ts";
import { calls, canTalk, conferences, mayAct, names, now, soon } from "../state/store.ts";
import { since, span } from "../words/times.ts";
import { say } from "../words/words.ts";

const ROOM = "/voice/conferences/{id}";

function Member({ room, who }: { room: string; who: RoomParticipant }) {
  const path = `/voice/conferences/${at(room)}`;
  const order = (verb: string) => async () => {
    await post(`${path}/${verb}`, { leg_id: who.leg_id });
    soon("conferences");
  };
  const canRemove = offers(`POST ${ROOM}/remove`);
  const endCall = () => post(`/voice/calls/${at(who.call_id)}/disconnect`, {});
  const known = canRemove || calls.value.some((call) => call.call_id === who.call_id);
  return (
    <li class="participant">
      <span class="who">
        <b>{who.party}</b> {who.display_name || names.value.get(who.party)}
        {who.muted && <span class="badge">{say("mute")}</span>}
      </span>
      <span class="clock">{span(since(who.since, now.value))}</span>
      {mayAct.value && (
        <span class="tools">
          {offers(`POST ${ROOM}/mute`) && (
            <Button
              label={say(who.muted ? "unmute" : "mute")}
              icon={who.muted ? "muted" : "microphone"}
              kind="quiet"
              iconOnly
              onPress={order(who.muted ? "unmute" : "mute")}
            />
          )}
          {known && (
            <ArmedButton
              label={say("remove_member")}
              icon="close"
              iconOnly
              onPress={canRemove ? order("remove") : endCall}
            />
          )}
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
      ? post(`${path}/invite`, { members: number.split(/\s+/) })
      : start("/voice/calls", { caller: number, callee: room.number });
  return (
    <li class={`room ${room.participants.length > 0 ? "used" : ""}`} data-room={room.number}>
      <div class="room-line">
        <i class="lamp" aria-hidden="true" />
        <strong>{room.name || room.number}</strong>
        <span class="number">{room.number}</span>
        {room.pin_needed && <span class="badge">{say("pin_needed")}</span>}
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
      {room.participants.length === 0 && <p class="hint">{say("empty_room")}</p>}
      <ul class="participants">
        {room.participants.map((who) => (
          <Member key={who.leg_id} room={room.number} who={who} />
        ))}
      </ul>
      {room.participants.length > 0 && mayAct.value && <RoomOrders path={path} />}
    </li>
  );
}

function RoomOrders({ path }: { path: string }) {
  const order = (verb: string) => async () => {
    await post(`${path}/${verb}`, {});
    soon("conferences");
  };
  return (
    <div class="orders">
      {offers(`POST ${ROOM}/lock`) && <Button label={say("lock")} icon="lock" onPress={order("lock")} />}
      {offers(`POST ${ROOM}/unlock`) && <Button label={say("unlock")} onPress={order("unlock")} />}
      {offers(`POST ${ROOM}/end`) && <ArmedButton label={say("end_conference")} onPress={order("end")} />}
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
