// The stream of events: resumes with `since` after a lost connection, so that nothing is missed in between.

import { currentToken, PREFIX } from "./client.ts";
import type { StreamEvent } from "./types.ts";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

export function base64url(text: string): string {
  const octets = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...octets))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Where to go on after an event; null before anything was heard. */
export function nextPosition(position: number | null, event: StreamEvent): number | null {
  if (event.seq !== undefined) return event.seq;
  if (event.type === "stream.restarted") return 0;
  if (event.type === "stream.opened" && position === null) return Number(event.last);
  return position;
}

/** Tells `onEvent` of every event and `onState` whether the stream is open; returns what ends it. */
export function follow(onEvent: (event: StreamEvent) => void, onState: (open: boolean) => void): () => void {
  let position: number | null = null;
  let socket: WebSocket | null = null;
  let pause = FIRST_PAUSE_MS;
  let timer = 0;
  let ended = false;

  function open(): void {
    const since = position === null ? "" : `?since=${position}`;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    // A browser cannot set headers here; a subprotocol keeps the token out of addresses and logs.
    const protocols = ["softswitch", `bearer.${base64url(currentToken())}`];
    socket = new WebSocket(`${scheme}//${location.host}${PREFIX}/events${since}`, protocols);
    socket.onopen = () => {
      pause = FIRST_PAUSE_MS;
      onState(true);
    };
    socket.onmessage = (message) => {
      const event = JSON.parse(String(message.data)) as StreamEvent;
      position = nextPosition(position, event);
      onEvent(event);
    };
    socket.onclose = () => {
      if (ended) return;
      onState(false);
      timer = window.setTimeout(open, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    };
  }

  open();
  return () => {
    ended = true;
    window.clearTimeout(timer);
    socket?.close();
  };
}
