// One talkgroup opened: calls of its members, who is inside, roll-calls.

import { useState } from "preact/hooks";
import { at, list, post, remove, start } from "../api/client.ts";
import type { Group, RollCall, RoomParticipant } from "../api/types.ts";
import { ArmedButton, Ask, Button } from "../parts/controls.tsx";
import { type Membership, setVolume } from "../rtc/radio.ts";
import { act, mayAct, names, soon } from "../state/store.ts";
import { say } from "../words/words.ts";

interface Props {
  group: Group;
  membership: Membership | undefined;
}

export function GroupDetails({ group, membership }: Props) {
  return (
    <div class="details">
      {membership && (
        <label class="volume">
          {say("volume")}
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            value={membership.volume}
            onInput={(event) => setVolume(group.number, Number(event.currentTarget.value))}
          />
        </label>
      )}
      {mayAct.value && <GroupOrders group={group} />}
      <ul class="participants">
        {group.participants.map((each) => (
          <Participant key={each.leg_id} group={group.number} who={each} />
        ))}
      </ul>
      {mayAct.value && <RollCalls group={group.number} />}
    </div>
  );
}

function GroupOrders({ group }: { group: Group }) {
  const path = `/groups/${at(group.number)}`;
  const call = (kind: string) => () => start(`${path}/calls`, { kind });
  return (
    <div class="orders">
      {group.call ? (
        <ArmedButton label={say("end_group_call")} onPress={() => remove(`${path}/calls`)} />
      ) : (
        <>
          <Button label={say("group_call")} icon="call" onPress={call("group")} />
          <ArmedButton label={say("emergency_call")} onPress={call("emergency")} />
        </>
      )}
      {group.call && (
        <Ask
          label={say("number")}
          verb={say("invite")}
          onGive={(text) => post(`${path}/invite`, { members: text.split(/\s+/) })}
        />
      )}
      <GiveUp group={group} />
    </div>
  );
}

/** Give a temporary group or a patch up. */
function GiveUp({ group }: { group: Group }) {
  if (group.kind === "static") return null;
  return <ArmedButton label={say("give_up")} onPress={() => remove(`/groups/${at(group.number)}`)} />;
}

function Participant({ group, who }: { group: string; who: RoomParticipant }) {
  const path = `/groups/${at(group)}`;
  const body = { leg_id: who.leg_id };
  const order = async (verb: string, more: object = {}) => {
    await post(`${path}/${verb}`, { ...body, ...more });
    soon("groups");
  };
  return (
    <li class={`participant ${who.floor}`}>
      <span class="who">
        <b>{who.party}</b> {who.display_name || names.value.get(who.party)}
      </span>
      {mayAct.value && (
        <span class="tools">
          {who.floor === "talking" ? (
            <Button label={say("revoke")} kind="quiet" action="revoke" onPress={() => order("floor/revoke")} />
          ) : (
            <Button label={say("force")} kind="quiet" onPress={() => order("floor/force")} />
          )}
          <Button
            label={say(who.muted ? "unmute" : "mute")}
            icon={who.muted ? "muted" : "microphone"}
            kind="quiet"
            iconOnly
            onPress={() => order("mute", { muted: !who.muted })}
          />
          <ArmedButton label={say("release_member")} icon="close" iconOnly onPress={() => order("release")} />
        </span>
      )}
    </li>
  );
}

function RollCalls({ group }: { group: string }) {
  const [last, setLast] = useState<RollCall | null>(null);
  const path = `/groups/${at(group)}/roll_call`;
  const look = () => act(async () => setLast((await list<RollCall>(path))[0] ?? null));
  const begin = async () => {
    setLast(await start<RollCall>(path, {}));
    // The answers come in over the longest ringing; whoever wants to know earlier presses again.
    for (const seconds of [3, 10, 25]) window.setTimeout(() => void look(), seconds * 1000);
  };
  return (
    <div class="roll-call">
      <Button label={say("roll_call")} icon="records" onPress={begin} />
      {last && (
        <span>
          {last.present} {say("present")} · {last.missing} {say("missing")}
        </span>
      )}
      {last && (
        <ul class="results">
          {last.results.map((each) => (
            <li key={each.party} class={each.answered ? "good" : "bad"}>
              {each.answered ? "✓" : "✗"} {each.party} {say(each.answered ? "answered_" : "not_answered")}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
