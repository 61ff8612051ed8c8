import type { IncomingMessage, ServerResponse } from 'node:http'

/** What goes wrong, once unless told, with the next request that it fits. */
export interface Trouble {
  readonly where: 'api' | 'storage'
  /** Of `GET /path?query`; all, without one. */
  readonly match?: RegExp
  readonly times?: number
  readonly answer: (request: IncomingMessage, response: ServerResponse, go: (changes?: Changes) => Promise<void>) => void | Promise<void>
}

/** How the right answer of the storage is spoilt. */
export interface Changes {
  /** The connection breaks after so many bytes of the body. */
  readonly cutAfter?: number
  /** Awaited before each piece. */
  readonly beforePiece?: () => Promise<void>
  /** The range is not looked at: everything, with 200. */
  readonly ignoresRange?: boolean
  /** Says of the range something else than the truth. */
  readonly contentRange?: string
  readonly etag?: string
  /** Other bytes, of the same length. */
  readonly flips?: boolean
}

type Where = Pick<Trouble, 'match' | 'times'>

/** Everything of the hour is used up, until the reset, in milliseconds since 1970. */
export function primaryLimit(reset: number, where: Where = {}): Trouble {
  const headers = { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.ceil(reset / 1000)) }
  return refusal(403, 'API rate limit exceeded for user ID 7.', headers, where)
}

/** Too much at once. Seconds. */
export function secondaryLimit(retryAfter: number | undefined, where: Where = {}): Trouble {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
  return refusal(403, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.', headers, where)
}

export function tooMany(retryAfter: number, where: Where = {}): Trouble {
  return refusal(429, 'Too many requests', { 'retry-after': String(retryAfter) }, where)
}

/** Any refusal of the API, in GitHub's form. */
export function refusal(status: number, message: string, headers: Readonly<Record<string, string>> = {}, where: Where = {}): Trouble {
  const body = JSON.stringify({ message, documentation_url: 'https://docs.github.com/rest', status: String(status) })
  return {
    where: 'api',
    ...where,
    answer: (_, response) => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body),
  }
}

/** An answer of the API that is no good. */
export function apiAnswer(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | AsyncIterable<Uint8Array>,
  where: Where = {},
): Trouble {
  return {
    where: 'api',
    ...where,
    async answer(_, response) {
      response.writeHead(status, headers)
      if (typeof body === 'string') response.end(body)
      else await pour(body, response)
    },
  }
}

/** The storage answers with a status of its own and no content. */
export function storageRefusal(status: number, where: Where = {}, headers: Readonly<Record<string, string>> = {}): Trouble {
  return { where: 'storage', ...where, answer: (_, response) => void response.writeHead(status, headers).end('<Error/>') }
}

/** The storage gives what was asked for, spoilt. */
export function spoilt(changes: Changes, where: Where = {}): Trouble {
  return { where: 'storage', ...where, answer: (_, __, go) => go(changes) }
}

/** Writes as fast as it is read, and stops when nobody reads. */
export async function pour(pieces: AsyncIterable<Uint8Array>, response: ServerResponse): Promise<void> {
  for await (const piece of pieces) if (!(await written(response, piece))) return
  response.end()
}

/** Whether somebody still reads. */
export async function written(response: ServerResponse, piece: Uint8Array): Promise<boolean> {
  if (response.destroyed) return false
  if (response.write(piece)) return true
  const { promise, resolve } = Promise.withResolvers<void>()
  const ready = () => resolve()
  for (const event of ['drain', 'close']) response.on(event, ready)
  await promise
  for (const event of ['drain', 'close']) response.off(event, ready)
  return !response.destroyed
}
