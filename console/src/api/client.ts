// Requests to the control API with the token of this tab. The token lives in sessionStorage and nowhere else.

import type { Page, Problem } from "./types.ts";

export const PREFIX = "/api/v1";
const KEY = "token";

let token = sessionStorage.getItem(KEY) ?? "";

/** What the switch answers when it does not do what was asked (RFC 9457). */
export class Refused extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? String(status));
    this.status = status;
    this.problem = problem;
  }
}

export function currentToken(): string {
  return token;
}

export function setToken(text: string): void {
  token = text;
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

/** The answer as the browser has it; raises Refused for anything but success. */
export async function fetchRaw(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const response = await fetch(PREFIX + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
    cache: "no-store",
  });
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as Problem;
    throw new Refused(response.status, problem);
  }
  return response;
}

export async function request<T>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const response = await fetchRaw(method, path, body, headers);
  const text = await response.text();
  return (text ? JSON.parse(text) : null) as T;
}

export const get = <T>(path: string): Promise<T> => request<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>("POST", path, body);
export const remove = (path: string): Promise<null> => request<null>("DELETE", path);

/** Something that must not happen twice even when the network makes us ask twice. */
export const start = <T>(path: string, body: unknown): Promise<T> =>
  request<T>("POST", path, body, { "Idempotency-Key": crypto.randomUUID() });

/** The items of the first page: the newest ones, or all there are up to a thousand. */
export async function list<T>(path: string): Promise<T[]> {
  return (await get<Page<T>>(path)).items;
}

/** A file that only a request with the token gets, as an address that media elements can play. */
export async function fetchObject(path: string): Promise<string> {
  return URL.createObjectURL(await (await fetchRaw("GET", path)).blob());
}

/** Part of a path. */
export const at = (text: string): string => encodeURIComponent(text);
