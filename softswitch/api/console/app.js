// The dispatcher's desk: puts the parts together and keeps them up to date from the stream of events.

import { follow, get, hasToken, post, Refused, setToken } from "./api.js";
import { make, moment } from "./build.js";
import { showCalls, tick } from "./calls.js";
import { buildTabs, choose, names, showList } from "./lists.js";
import { say, switchLanguage, write } from "./words.js";

const at = (id) => document.getElementById(id);
const MOST_EVENTS = 200;
const PRESENCE = { available: "●", busy: "◆", do_not_disturb: "⊘", offline: "○" };
const THEMES = ["auto", "dark", "light"];

let identity = null;
let stop = null;
let directory = [];
let noticeTimer = 0;
let connected = false;
const may = () => identity !== null && identity.role !== "viewer";

/** Run what the switch may refuse, and say so when it does. */
async function act(work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) leave(say("wrong_token"));
    else notice(error instanceof Refused ? error.message : say("lost"));
  }
}

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
  clearTimeout(noticeTimer);
  if (text) noticeTimer = setTimeout(() => notice(""), 8000);
}

// -- what is shown ----------------------------------------------------------------------------------------------------

const health = async () => {
  try {
    const found = await get("/system/health");
    at("health").className = `health ${found.status}`;
    at("health").textContent = `${say(found.status)} · ${say("health")(found.calls, found.registrations)}`;
    at("health").title = found.problems.join("\n");
  } catch (error) {
    if (error instanceof Refused) throw error;
    at("health").className = "health lost";
    at("health").textContent = say("lost");
  }
};

const calls = async () => {
  const { items } = await get("/voice/calls");
  showCalls(at("calls"), items, may(), act);
  at("calls-count").textContent = items.length;
  at("calls-empty").hidden = items.length > 0;
  tick();
};

const people = async () => {
  directory = (await get("/data/directory?limit=1000")).items;
  at("numbers").replaceChildren(...directory.map((entry) => make("option", { value: entry.number }, entry.name)));
  showDirectory();
};

function showDirectory() {
  const wanted = at("search").value.trim().toLowerCase();
  const found = directory.filter((entry) => `${entry.number} ${entry.name}`.toLowerCase().includes(wanted)).slice(0, 200);
  at("directory").replaceChildren(...found.map((entry) => {
    const state = entry.state || entry.kind;
    const spoken = entry.state === "offline" ? say("offline_") : say(state);
    return make("li", {}, make("button", { type: "button", title: spoken, onclick: () => fill(entry.number) },
      make("span", { class: `presence ${state}`, role: "img", "aria-label": spoken }, PRESENCE[entry.state] || "▫"),
      make("span", {}, entry.number), make("span", { class: "name" }, entry.name)));
  }));
}

function fill(number) {
  const field = at("caller").value ? at("callee") : at("caller");
  field.value = number;
  field.focus();
}

// -- one request for many events --------------------------------------------------------------------------------------

const pending = new Map();

/** Bring a part up to date soon; many wishes within a moment become one request. */
function soon(part, pause) {
  if (pending.has(part)) return;
  pending.set(part, setTimeout(() => {
    pending.delete(part);
    act(part);
  }, pause));
}

const list = () => showList(at("list"), may(), act);

function heard(event) {
  if (event.type === "stream.opened") {
    for (const part of [calls, people, list, health]) soon(part, 0);
    return;
  }
  if (event.type === "stream.missed") notice(`${event.count} ${say("missed")}`);
  ticker(event);
  const family = event.type.split(".")[0];
  if (family === "call" || family === "leg") {
    soon(calls, 30);
    soon(people, 400);
    soon(health, 400);
  }
  if (family === "registration" || family === "trunk") {
    soon(people, 400);
    soon(health, 400);
  }
  if (family === "registration" || family === "trunk" || event.type === "call.record") soon(list, 400);
}

function ticker(event) {
  const { seq, type, time, record, ...members } = event;
  const told = Object.entries(members).filter(([, value]) => value !== "" && value !== 0).map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`);
  if (type === "call.record") told.push(record.disposition, `${record.caller}→${record.callee}`);
  at("events").prepend(make("li", {}, make("time", { datetime: time }, moment(time)), " ", make("span", { class: "kind" }, type), ` ${told.join(" ")}`));
  while (at("events").children.length > MOST_EVENTS) at("events").lastElementChild.remove();
}

// -- coming and going -------------------------------------------------------------------------------------------------

async function enter() {
  identity = await get("/system/identity");
  at("login").hidden = true;
  at("desk").hidden = false;
  at("logout").hidden = false;
  notice("");
  words();
  for (const control of at("dial-form").elements) control.disabled = !may();
  stop?.();
  stop = follow(heard, (open) => {
    connected = open;
    at("live").textContent = say(open ? "live" : "offline");
    if (!open) soon(health, 0);
  });
  (may() ? at("caller") : at("search")).focus();
}

function leave(text = "") {
  stop?.();
  stop = null;
  identity = null;
  setToken("");
  at("desk").hidden = true;
  at("logout").hidden = true;
  at("login").hidden = false;
  at("identity").textContent = "";
  at("events").replaceChildren();
  notice(text);
  at("token").value = "";
  at("token").focus();
}

function words() {
  write();
  at("language").textContent = say("language");
  at("theme").textContent = say(document.documentElement.dataset.theme);
  at("logout").textContent = say("logout");
  if (identity === null) return;
  at("live").textContent = say(connected ? "live" : "offline");
  at("identity").textContent = `${identity.name} (${identity.role})`;
  buildTabs(at("tabs"), at("list"), may(), act);
  for (const part of [health, calls, list]) soon(part, 0);
  showDirectory();
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("theme", name);
  at("theme").textContent = say(name);
}

at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(at("token").value.trim());
  act(enter);
});
at("dial-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const body = { caller: at("caller").value.trim(), callee: at("callee").value.trim() };
  act(async () => {
    await post("/voice/calls", body, { "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) });
    at("callee").value = "";
    at("callee").focus();
  });
});
at("search").addEventListener("input", showDirectory);
at("language").addEventListener("click", () => { switchLanguage(); words(); });
at("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]));
at("logout").addEventListener("click", () => leave());
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement;
  if (event.key === "/" && !typing) {
    event.preventDefault();
    (at("caller").value ? at("callee") : at("caller")).focus();
  } else if (event.altKey && names()[Number(event.key) - 1]) {
    event.preventDefault();
    choose(names()[Number(event.key) - 1], at("tabs"), at("list"), may(), act);
  }
});
setInterval(tick, 1000);
setInterval(() => identity && soon(health, 0), 10000);

theme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto");
words();
if (hasToken()) act(enter);
else leave();
