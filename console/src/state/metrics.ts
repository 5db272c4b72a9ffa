// Figures of the switch over time, read from /metrics and /system/media every two seconds as long as somebody is logged in.

import { effect, signal } from "@preact/signals";
import { currentToken, get } from "../api/client.ts";
import type { MediaStatus } from "../api/types.ts";
import { parseMetrics, type Reading } from "./figures.ts";
import { identity } from "./store.ts";

const EVERY_MS = 2000;
const KEPT = 450; // a quarter of an hour

export const readings = signal<Reading[]>([]);

/** Figures of the media engine under names of their own: `media_` and what the API calls them. */
export function mediaSamples(status: MediaStatus): [string, number][] {
  const found = Object.entries(status)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .map(([name, value]): [string, number] => [`media_${name}`, value]);
  const cpu = status.workers.reduce((sum, worker) => sum + worker.cpu_s, 0);
  return [...found, ["media_cpu_s", cpu]];
}

async function read(): Promise<void> {
  const headers = { Authorization: `Bearer ${currentToken()}` };
  const [response, media] = await Promise.all([
    fetch("/metrics", { headers, cache: "no-store" }),
    get<MediaStatus>("/system/media"),
  ]);
  if (!response.ok) return;
  const samples = parseMetrics(await response.text());
  for (const [name, value] of mediaSamples(media)) samples.set(name, value);
  readings.value = [...readings.value.slice(1 - KEPT), { time: Date.now() / 1000, samples }];
}

export function openMetrics(): void {
  let timer = 0;
  effect(() => {
    window.clearInterval(timer);
    if (identity.value === null) return;
    const ask = () => void read().catch(() => undefined); // a lost switch is told of elsewhere
    ask();
    timer = window.setInterval(ask, EVERY_MS);
  });
}
