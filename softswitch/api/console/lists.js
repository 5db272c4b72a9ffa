// Registrations, trunks and call records, one at a time, in tabs.

import { get, request } from "./api.js";
import { armed, make, moment, span, table } from "./build.js";
import { say } from "./words.js";

const LISTS = { registrations, trunks, cdrs };
let chosen = "registrations";

/** Build the tabs; `act` runs what may be refused. */
export function buildTabs(tabs, panel, may, act) {
  tabs.replaceChildren(...Object.keys(LISTS).map((name) =>
    make("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "list", "aria-selected": String(name === chosen),
      tabindex: name === chosen ? 0 : -1, onclick: () => choose(name, tabs, panel, may, act),
    }, say(name))));
  tabs.onkeydown = (event) => {
    const names = Object.keys(LISTS);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    choose(names[(names.indexOf(chosen) + step + names.length) % names.length], tabs, panel, may, act);
    tabs.querySelector('[aria-selected="true"]').focus();
  };
}

export function choose(name, tabs, panel, may, act) {
  chosen = name;
  buildTabs(tabs, panel, may, act);
  panel.setAttribute("aria-labelledby", `tab-${name}`);
  return act(() => showList(panel, may, act));
}

export const names = () => Object.keys(LISTS);

export async function showList(panel, may, act) {
  const asked = chosen;
  const content = await LISTS[asked](panel, may, act);
  if (asked === chosen) panel.replaceChildren(content);
}

async function registrations(panel, may, act) {
  const { items } = await get("/system/registrations");
  if (!items.length) return make("p", { class: "empty" }, say("empty"));
  const columns = ["number", "contact", "source", "expires_at", "user_agent"].map(say);
  items.sort((one, other) => one.number.localeCompare(other.number));
  return table(say("registrations"), may ? [...columns, ""] : columns, items.map((row) => [
    row.number, row.contact, row.source, moment(row.expires_at), row.user_agent,
    ...(may ? [armed(say("remove"), say("again"), () => act(async () => {
      await request("DELETE", `/system/registrations/${encodeURIComponent(row.number)}?contact=${encodeURIComponent(row.contact)}`);
      await showList(panel, may, act);
    }))] : []),
  ]));
}

async function trunks() {
  const { items } = await get("/system/trunks");
  if (!items.length) return make("p", { class: "empty" }, say("empty"));
  return table(say("trunks"), ["name", "state", "calls", "max_calls"].map(say), items.map((row) => [
    row.name, make("td", { class: row.state === "up" ? "good" : "bad" }, `${row.state === "up" ? "●" : "✕"} ${say(row.state)}`), row.calls, row.max_calls || "∞",
  ]));
}

async function cdrs(panel, may) {
  if (!may) return make("p", { class: "empty" }, say("refused"));
  const { items } = await get("/data/cdrs?limit=50");
  if (!items.length) return make("p", { class: "empty" }, say("empty"));
  const columns = ["started_at", "caller", "callee", "disposition", "duration", "sip_code", "released_by"].map(say);
  return table(say("cdrs"), columns, items.map((row) => [
    `${new Date(row.started_at).toLocaleDateString()} ${moment(row.started_at)}`, row.caller, row.callee,
    make("td", { class: row.disposition === "answered" ? "good" : "warn" }, row.disposition), row.answered_at ? span(row.billsec_ms / 1000) : "", row.sip_code, row.released_by,
  ]));
}
