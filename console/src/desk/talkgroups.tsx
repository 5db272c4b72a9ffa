// Talkgroups: who talks, who is inside, what a dispatcher may do; below them the push-to-talk key.

import { useState } from "preact/hooks";
import { start } from "../api/client.ts";
import { offers } from "../api/offered.ts";
import type { Group } from "../api/types.ts";
import { Ask, Button, Empty, Panel } from "../parts/controls.tsx";
import { Icon } from "../parts/icon.tsx";
import { depart, join, type Membership, memberships, refusedOthers, selected } from "../rtc/radio.ts";
import { ownNumber } from "../state/settings.ts";
import { canTalk, groups, mayAct, names } from "../state/store.ts";
import { say } from "../words/words.ts";
import { GroupDetails } from "./group-details.tsx";
import { TalkKey } from "./talk-key.tsx";

const split = (text: string): string[] => text.split(/[\s,，、]+/).filter(Boolean);

/** How the page shows who has the floor of a group. */
export function floorOf(group: Group, membership: Membership | undefined): string {
  if (membership && membership.floor !== "idle") return membership.floor;
  return group.floor === "taken" ? "taken" : "idle";
}

/** Who talks, as its own terminal says (the callsign that a radio's node tells), else as the directory knows it. */
function talkerName(group: Group): string {
  const shown = group.participants.find((who) => who.party === group.talker)?.display_name;
  return shown || (names.value.get(group.talker) ?? "");
}

function floorText(group: Group, membership: Membership | undefined): string {
  switch (floorOf(group, membership)) {
    case "talking":
      return say("you_talk");
    case "asking":
      return say("asking");
    case "waiting":
      return `${say("waiting")} ${membership?.reason ?? ""}`;
    case "refused":
      return `${say("refused")}${membership?.reason ? `: ${membership.reason}` : ""}`;
    case "taken":
      return `${group.talker} ${talkerName(group)} ${say("talks")}`;
    default:
      return say("nobody_talks");
  }
}

function Card({ group }: { group: Group }) {
  const [open, setOpen] = useState(false);
  const membership = memberships.value.get(group.number);
  const chosen = selected.value === group.number;
  const floor = floorOf(group, membership);
  const denied = refusedOthers.value.get(group.number);
  return (
    <li
      class={`group floor-${floor}${chosen ? " chosen" : ""}${membership ? " joined" : ""}`}
      data-group={group.number}
      data-floor={floor}
    >
      <div class="group-line">
        <button
          type="button"
          class="group-name"
          disabled={!membership}
          aria-pressed={chosen}
          title={say("select")}
          onClick={() => {
            selected.value = group.number;
          }}
        >
          <strong>{group.name || group.number}</strong>
          <span class="number">{group.number}</span>
        </button>
        {group.call && (
          <span class={group.call.kind === "emergency" ? "badge emergency" : "badge"}>{say(group.call.kind)}</span>
        )}
        {group.kind !== "static" && (
          <span class="badge">{group.kind === "patch" ? say("patch_") : say("temporary")}</span>
        )}
        <span class="people" title={`${group.participants.length} ${say("inside")}`}>
          <Icon name="conferences" />
          {group.participants.length}
        </span>
        {canTalk() &&
          (membership ? (
            <Button label={say("leave")} kind="quiet" action="leave" onPress={() => depart(group.number)} />
          ) : (
            <Button label={say("join")} action="join" onPress={() => join(group.number)} />
          ))}
        <Button
          label={say("more")}
          icon="more"
          kind="quiet"
          iconOnly
          pressed={open}
          action="details"
          onPress={() => setOpen(!open)}
        />
      </div>
      <p class="floor" aria-live={chosen ? "polite" : "off"}>
        <i class="lamp" aria-hidden="true" />
        {floorText(group, membership)}
      </p>
      {denied !== undefined && floor !== "refused" && (
        <p class="denied" role="status">
          ✗ {say("refused")} {denied}
        </p>
      )}
      {open && <GroupDetails group={group} membership={membership} />}
    </li>
  );
}

function Making() {
  const [mode, setMode] = useState<"" | "regroup" | "patch">("");
  const make = async (path: string, body: Record<string, unknown>) => {
    await start(path, body);
    setMode("");
  };
  const toggle = (wanted: "regroup" | "patch") => () => setMode(mode === wanted ? "" : wanted);
  return (
    <div class="making">
      <Button
        label={say("regroup")}
        icon="plus"
        kind="quiet"
        pressed={mode === "regroup"}
        onPress={toggle("regroup")}
      />
      <Button label={say("patch")} icon="plus" kind="quiet" pressed={mode === "patch"} onPress={toggle("patch")} />
      {mode === "regroup" && (
        <Ask
          label={say("regroup_members")}
          verb={say("create")}
          onGive={(text) =>
            make("/groups/regroup", { members: split(text), name: `${say("regroup")} ${ownNumber.value}` })
          }
        />
      )}
      {mode === "patch" && (
        <Ask
          label={say("patch_groups")}
          verb={say("create")}
          onGive={(text) => make("/groups/patch", { groups: split(text) })}
        />
      )}
    </div>
  );
}

export function Talkgroups() {
  return (
    <Panel
      title={say("talkgroups")}
      count={groups.value.length}
      class="talkgroups"
      tools={mayAct.value && offers("POST /groups/regroup") ? <Making /> : null}
    >
      {groups.value.length === 0 && <Empty>{say("no_groups")}</Empty>}
      <ul class="groups">
        {groups.value.map((group) => (
          <Card key={group.number} group={group} />
        ))}
      </ul>
      {canTalk() && <TalkKey />}
    </Panel>
  );
}
