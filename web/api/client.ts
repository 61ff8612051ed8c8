import { signal } from '@preact/signals'
import type { Answers } from './answers.ts'

/** What went wrong, as the server's problem document says it (RFC 9457). */
export interface Trouble {
  readonly status: number
  readonly detail: string
  readonly hint?: string
  readonly code?: string
  /** The number under which the server's log tells all. */
  readonly request?: string
}

export class Refused extends Error {
  readonly trouble: Trouble
  constructor(trouble: Trouble) {
    super(trouble.detail)
    this.trouble = trouble
  }
}

/** Raised when the server says that something has changed: whatever is shown is asked again. */
export const revision = signal(0)

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** A path below the API: every part is escaped. */
export function at(...parts: readonly (string | number)[]): string {
  return `/${parts.map((part) => encodeURIComponent(part)).join('/')}`
}

export function withQuery(path: string, query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, String(value)]]))
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs).toString()}`
}

/** Throws `Refused`. */
export async function ask<K extends keyof Answers>(_operation: K, path: string, options: AskOptions = {}): Promise<Answers[K]> {
  const { token, signal: end } = options
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return (await answered(`/api/v1${path}`, { headers, ...(end === undefined ? {} : { signal: end }) })) as Answers[K]
}

export interface AskOptions {
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** One of the actions. Throws `Refused`. */
export async function act(name: string, body: object, token: string, key?: string): Promise<Answers['promoteRelease']> {
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  }
  return (await answered(`/api/v1/actions/${name}`, { method: 'POST', headers, body: JSON.stringify(body) })) as Answers['promoteRelease']
}

async function answered(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, { credentials: 'omit', ...init }).catch((error: unknown) => {
    if (init.signal?.aborted === true) throw error
    throw new Refused({ status: 0, detail: 'the server does not answer', hint: 'look whether holdfast serve runs, and try again' })
  })
  if (response.ok) return await response.json()
  throw new Refused(await troubleOf(response))
}

async function troubleOf(response: Response): Promise<Trouble> {
  const problem = (await response.json().catch(() => ({}))) as Partial<Trouble> & { readonly instance?: string }
  const { detail = `the server answered ${response.status}`, hint, code, instance } = problem
  return {
    status: response.status,
    detail,
    ...(hint === undefined ? {} : { hint }),
    ...(code === undefined ? {} : { code }),
    ...(instance === undefined ? {} : { request: instance.replace('urn:request:', '') }),
  }
}
