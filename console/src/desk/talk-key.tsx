// The push-to-talk key: mouse, touch, and the space bar (keys.ts).

import { Icon } from "../parts/icon.tsx";
import { microphoneFault } from "../rtc/microphone.ts";
import { press, release, selected, selectedMembership } from "../rtc/radio.ts";
import { groups } from "../state/store.ts";
import { say, type Word } from "../words/words.ts";

const WORDS: Record<string, Word> = {
  idle: "push_to_talk",
  asking: "asking",
  talking: "you_talk",
  waiting: "waiting",
  refused: "refused",
};

export function TalkKey() {
  const membership = selectedMembership.value;
  const group = groups.value.find((each) => each.number === selected.value);
  const floor = membership?.floor ?? "idle";
  const name = group ? `${group.name || group.number}` : say("choose_group");
  return (
    <div class="talk">
      <button
        type="button"
        id="talk-key"
        class={`talk-key floor-${floor}`}
        disabled={!membership}
        data-floor={floor}
        aria-label={`${say(WORDS[floor] ?? "push_to_talk")}: ${name}`}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          void press();
        }}
        onPointerUp={release}
        onPointerCancel={release}
        onContextMenu={(event) => event.preventDefault()}
      >
        <Icon name="microphone" />
        <span>
          <b>{say(WORDS[floor] ?? "push_to_talk")}</b>
          <small>{name}</small>
        </span>
      </button>
      <p class="hint">{microphoneFault.value || say("hold_to_talk")}</p>
    </div>
  );
}
