import type { HeaderView } from './conditions.ts'

/** A request, as whoever listens hands it on. */
export interface Asked {
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  /** As it was sent, still escaped, and without the query. Begins with a slash. */
  readonly path: string
  /** With its question mark; empty where there is none. */
  readonly search: string
  readonly headers: HeaderView & Iterable<readonly [name: string, value: string]>
  /** Who asks: an IP address, the one that a trusted proxy names. */
  readonly address: string
  /** Fires when the client goes away. */
  readonly signal: AbortSignal
  /** The whole body; `invalid` past `limit` bytes. */
  body(limit: number): Promise<Uint8Array>
}

/** What is answered. A piece of the body belongs to whoever reads it until the next one is asked for. */
export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Not read for HEAD. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
  /** Told once, when all that is to be sent was handed over, or no more can be. */
  readonly onSent?: ((sent: Sent) => void) | undefined
}

export interface Sent {
  /** Of the body. */
  readonly bytes: number
  /** False: it broke off, or the client went away. */
  readonly isWhole: boolean
}

/** Answers requests, whoever listens. */
export type Responder = (asked: Asked) => Answer | Promise<Answer>
