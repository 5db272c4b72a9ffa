// The list of calls: each with its parties, its state, and a button for everything that is possible now.

import { post } from "./api.js";
import { armed, make, moment, span } from "./build.js";
import { say } from "./words.js";

const shown = new Map();

/** Bring the list up to date; what did not change keeps its element, so that focus and typing are not lost. */
export function showCalls(list, calls, may, act) {
  const present = new Set(calls.map((call) => call.call_id));
  for (const [id, entry] of shown) {
    if (!present.has(id)) {
      entry.element.remove();
      shown.delete(id);
    }
  }
  for (const call of calls) {
    const print = JSON.stringify([call, may, document.documentElement.lang]);
    const entry = shown.get(call.call_id);
    if (entry && entry.print === print) continue;
    const element = card(call, may, act);
    if (entry) replace(entry.element, element);
    else list.append(element);
    shown.set(call.call_id, { element, print, answered: call.answered_at });
  }
}

/** Put a new card in place of the old one and give focus back to the same control. */
function replace(old, fresh) {
  const action = old.contains(document.activeElement) ? document.activeElement.dataset.action : null;
  const typed = old.querySelector("input")?.value;
  old.replaceWith(fresh);
  const input = fresh.querySelector("input");
  if (typed && input) input.value = typed;
  if (action) fresh.querySelector(`[data-action="${action}"]`)?.focus();
}

/** Write how long each call has been going on. */
export function tick() {
  for (const { element, answered } of shown.values()) {
    const clock = element.querySelector(".clock");
    if (clock && answered) clock.textContent = span((Date.now() - Date.parse(answered)) / 1000);
  }
}

function card(call, may, act) {
  const held = call.legs.find((leg) => leg.held);
  return make("li", { class: `call ${call.state}${call.emergency ? " emergency" : ""}`, "data-call": call.call_id },
    make("div", {}, make("span", { class: "who" }, `${call.caller} → ${call.callee}`), " ",
      call.emergency ? make("strong", {}, say("emergency"), " ") : null,
      make("span", { class: "state" }, `${say(call.state)} · ${moment(call.started_at)} `), make("span", { class: "state clock" })),
    make("ul", { class: "parties" }, ...call.legs.map((leg) =>
      make("li", { class: leg.held ? "held" : "" }, `${leg.party} ${leg.held ? say("held") : say(leg.state)}`))),
    may ? actions(call, held, act) : null);
}

function actions(call, held, act) {
  const path = `/voice/calls/${encodeURIComponent(call.call_id)}`;
  const possible = new Set(call.operations);
  const command = (name, body) => act(() => post(`${path}/${name}`, body));
  const button = (name, body) => make("button", { type: "button", "data-action": name, onclick: () => command(name, body) }, say(name));
  const controls = [];
  if (possible.has("answer")) controls.push(button("answer"));
  if (held) controls.push(button("resume", { leg_id: held.leg_id }));
  else if (possible.has("hold")) controls.push(button("hold"));
  if (possible.has("transfer")) controls.push(transfer(command));
  for (const name of ["disconnect", "force_release"]) {
    if (!possible.has(name)) continue;
    const end = armed(say(name), say("again"), () => command(name));
    end.dataset.action = name;
    end.setAttribute("aria-label", `${say(name)} ${call.caller} → ${call.callee}, ${say("confirm")}`);
    controls.push(end);
  }
  return make("div", { class: "actions" }, ...controls);
}

function transfer(command) {
  const target = make("input", { placeholder: say("to"), "aria-label": say("to"), required: true, maxlength: 128, list: "numbers", "data-action": "target" });
  const form = make("form", {}, target, make("button", { type: "submit", "data-action": "transfer" }, say("transfer")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    command("transfer", { target: target.value.trim() });
    target.value = "";
  });
  return form;
}
