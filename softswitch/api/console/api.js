// The control API as the console uses it: requests with the token of this tab, and the resumable stream of events.

const PREFIX = "/api/v1";
let token = sessionStorage.getItem("token") || "";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || String(status));
    this.status = status;
    this.problem = problem;
  }
}

export function hasToken() {
  return token !== "";
}

export function setToken(text) {
  token = text;
  if (text) sessionStorage.setItem("token", text);
  else sessionStorage.removeItem("token");
}

export async function request(method, path, body, headers = {}) {
  const response = await fetch(PREFIX + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  const text = await response.text();
  const content = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Refused(response.status, content || {});
  return content;
}

export const get = (path) => request("GET", path);
export const post = (path, body = {}, headers = {}) => request("POST", path, body, headers);

function base64url(text) {
  const octets = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...octets)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Tell `onEvent` of every event and `onState` whether the stream is open; returns what ends it. */
export function follow(onEvent, onState) {
  let position = null;
  let socket = null;
  let pause = 500;
  let ended = false;

  function open() {
    const since = position === null ? "" : `?since=${position}`;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${PREFIX}/events${since}`, ["softswitch", `bearer.${base64url(token)}`]);
    socket.onopen = () => { pause = 500; onState(true); };
    socket.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (event.seq !== undefined) position = event.seq;
      else if (event.type === "stream.opened" && position === null) position = event.last;
      else if (event.type === "stream.restarted") position = 0;
      onEvent(event);
    };
    socket.onclose = () => {
      onState(false);
      if (ended) return;
      setTimeout(open, pause);
      pause = Math.min(pause * 2, 10000);
    };
  }

  open();
  return () => { ended = true; socket.close(); };
}
