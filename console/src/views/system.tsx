// Health of the system: what runs, what is wrong, and how busy it is.

import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client.ts";
import type { MediaStatus, MediaWorker } from "../api/types.ts";
import { Chart, type Line } from "../parts/chart.tsx";
import { Panel } from "../parts/controls.tsx";
import { mean, type Reading, rate, total } from "../state/figures.ts";
import { readings } from "../state/metrics.ts";
import { act, health } from "../state/store.ts";
import { span } from "../words/times.ts";
import { say, sayOr } from "../words/words.ts";

type Figure = (after: Reading, before: Reading | undefined) => number | undefined;

const counter =
  (name: string, factor = 1): Figure =>
  (after, before) => {
    const found = rate(before, after, name);
    return found === undefined ? undefined : found * factor;
  };

const loss: Figure = (after, before) => {
  const [lost, got] = [rate(before, after, "media_lost"), rate(before, after, "media_packets_received")];
  return lost === undefined || got === undefined ? undefined : (100 * lost) / Math.max(1, lost + got);
};

function line(label: string, figure: Figure): Line {
  const rows = readings.value;
  return { label, values: rows.map((row, index) => figure(row, rows[index - 1]) ?? null) };
}

function Charts() {
  const times = readings.value.map((row) => row.time);
  const lag = (after: Reading, before: Reading | undefined) =>
    mean(before, after, "softswitch_event_loop_lag_seconds", 1000);
  const mos = (after: Reading, before: Reading | undefined) => mean(before, after, "softswitch_media_mos");
  return (
    <div class="charts">
      <Chart
        title={say("chart_calls")}
        times={times}
        lines={[line("", (row) => total(row.samples, "softswitch_calls_active"))]}
      />
      <Chart
        title={say("chart_cpu")}
        times={times}
        lines={[
          line(say("signalling"), counter("process_cpu_seconds_total", 100)),
          line(say("media"), counter("media_cpu_s", 100)),
        ]}
      />
      <Chart
        title={say("chart_packets")}
        times={times}
        lines={[line("←", counter("media_packets_received")), line("→", counter("media_packets_sent"))]}
      />
      <Chart title={say("chart_loss")} times={times} lines={[line("", loss)]} />
      <Chart title={say("chart_mos")} times={times} lines={[line("", mos)]} least={1} most={5} />
      <Chart title={say("chart_lag")} times={times} lines={[line("", lag)]} />
    </div>
  );
}

function Facts() {
  const found = health.value;
  if (!found) return null;
  return (
    <dl class="facts">
      <dt>{say("state")}</dt>
      <dd class={found.status}>● {say(found.status)}</dd>
      <dt>{say("version")}</dt>
      <dd>{found.version}</dd>
      <dt>{say("node")}</dt>
      <dd>{found.node}</dd>
      <dt>{say("uptime")}</dt>
      <dd>{span(found.uptime_s)}</dd>
      <dt>{say("calls")}</dt>
      <dd>{found.calls}</dd>
      <dt>{say("registrations")}</dt>
      <dd>{found.registrations}</dd>
      {found.problems.length > 0 && <dt>{say("problems")}</dt>}
      {found.problems.map((problem) => (
        <dd key={problem} class="bad">
          {sayOr(problem)}
        </dd>
      ))}
    </dl>
  );
}

function Workers() {
  const [workers, setWorkers] = useState<MediaWorker[]>([]);
  const look = () => void act(async () => setWorkers((await get<MediaStatus>("/system/media")).workers));
  useEffect(look, [health.value?.uptime_s]);
  return (
    <ul class="workers">
      {workers.map((worker) => (
        <li key={worker.number} class={worker.alive ? "good" : "bad"}>
          {worker.alive ? "●" : "✗"} {say("worker")} {worker.number} · {say(worker.alive ? "runs" : "ended")} ·{" "}
          {worker.ports} {say("ports")} · {worker.cpu_s.toFixed(0)} s CPU
        </li>
      ))}
    </ul>
  );
}

export function System() {
  return (
    <div class="view system">
      <Panel title={say("system")}>
        <Facts />
        <Workers />
        <p class="hint">
          <a href="/api/v1/docs">API</a> · <a href="/metrics">metrics</a>
        </p>
      </Panel>
      <Panel title={say("charts")}>
        <Charts />
      </Panel>
    </div>
  );
}
