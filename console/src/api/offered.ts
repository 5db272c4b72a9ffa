// Which operations this switch offers: panels of what it does not offer are hidden.

import { signal } from "@preact/signals";
import { PREFIX } from "./client.ts";

interface Contract {
  paths?: Record<string, Record<string, unknown>>;
}

const operations = signal<ReadonlySet<string>>(new Set());

export async function learnOperations(): Promise<void> {
  const contract = (await (await fetch(`${PREFIX}/openapi.json`)).json()) as Contract;
  operations.value = operationsOf(contract);
}

/** Every operation as `METHOD /path`, without the prefix of the API. */
export function operationsOf(contract: Contract): Set<string> {
  const found = new Set<string>();
  for (const [path, methods] of Object.entries(contract.paths ?? {})) {
    const short = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : path;
    for (const method of Object.keys(methods)) found.add(`${method.toUpperCase()} ${short}`);
  }
  return found;
}

/** Whether `METHOD /path` may be asked of this switch. */
export const offers = (operation: string): boolean => operations.value.has(operation);
