// A line chart that grows with time.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { language, theme } from "../state/settings.ts";
import { say } from "../words/words.ts";

export interface Line {
  label: string;
  values: (number | null)[];
}

interface Props {
  title: string;
  times: number[];
  lines: Line[];
  least?: number;
  most?: number;
}

const HEIGHT = 140;
const COLOURS = ["--accent", "--good", "--warn", "--bad"];

function optionsFor(box: HTMLElement, props: Props): uPlot.Options {
  const style = getComputedStyle(box);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      y: { range: (_plot, low, high) => [props.least ?? Math.min(0, low), props.most ?? Math.max(1, high * 1.15)] },
    },
    axes: [
      { ...axis, size: 26, space: 70, values: (_plot, ticks) => ticks.map(clock) },
      { ...axis, size: 48 },
    ],
    series: [
      {},
      ...props.lines.map((line, index) => {
        const stroke = colour(COLOURS[index % COLOURS.length] ?? "--accent");
        const fill = index === 0 ? `${stroke}22` : "transparent";
        return { label: line.label, stroke, fill, width: 1.75, points: { show: false } };
      }),
    ],
  };
}

const clock = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString(undefined, {
    hour12: false,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const { title, times, lines } = props;
  const known = lines.some((line) => line.values.some((value) => value !== null));
  const shape = `${known} ${lines.length} ${theme.value} ${language.value}`;
  const data = (): uPlot.AlignedData => [times, ...lines.map((line) => line.values)];
  useEffect(() => {
    const place = box.current;
    if (!place || !known) return undefined;
    const made = new uPlot(optionsFor(place, props), data(), place);
    plot.current = made;
    const fit = () => made.setSize({ width: place.clientWidth, height: HEIGHT });
    window.addEventListener("resize", fit);
    return () => {
      window.removeEventListener("resize", fit);
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data()), [times]);
  const last = lines.map((line) => line.values.findLast((value) => value !== null) ?? null);
  return (
    <figure class="chart">
      <figcaption>
        {title}
        {last.map((value, index) => (
          <span key={lines[index]?.label} class={`value series-${index}`}>
            {lines[index]?.label} {value === null ? "" : round(value)}
          </span>
        ))}
      </figcaption>
      {known ? <div ref={box} /> : <p class="empty">{say("no_data")}</p>}
    </figure>
  );
}

const round = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1);
