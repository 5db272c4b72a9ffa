// The text format of Prometheus: what it says, and how fast a counter grows.

/** Samples by name with their labels as they stand, as the text format of Prometheus has them. */
export type Samples = ReadonlyMap<string, number>;

export interface Reading {
  time: number;
  samples: Samples;
}

export function parseMetrics(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (!line || line.startsWith("#")) continue;
    const cut = line.lastIndexOf(" ");
    const value = Number(line.slice(cut + 1));
    if (Number.isFinite(value)) found.set(line.slice(0, cut), value);
  }
  return found;
}

/** The sum over all labels of a name; undefined when the switch has no such figure. */
export function total(samples: Samples, name: string): number | undefined {
  let sum: number | undefined;
  for (const [key, value] of samples) {
    if (key === name || key.startsWith(`${name}{`)) sum = (sum ?? 0) + value;
  }
  return sum;
}

/** How fast a counter grows, per second, between two readings. */
export function rate(before: Reading | undefined, after: Reading, name: string): number | undefined {
  if (!before) return undefined;
  const [old, fresh] = [total(before.samples, name), total(after.samples, name)];
  const seconds = after.time - before.time;
  return old === undefined || fresh === undefined || seconds <= 0 ? undefined : Math.max(0, (fresh - old) / seconds);
}

/** The mean of what a histogram observed between two readings, times `factor`. */
export function mean(before: Reading | undefined, after: Reading, name: string, factor = 1): number | undefined {
  const [sum, count] = [rate(before, after, `${name}_sum`), rate(before, after, `${name}_count`)];
  return sum === undefined || !count ? undefined : (sum / count) * factor;
}
