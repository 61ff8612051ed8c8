import { type Bytes, bytesFrom, bytesOf, bytesOnce, collect, digestOf, Fault, type FaultCode, isFault } from '../../kit/index.ts'
import type { Capabilities, GetOptions, ObjectInfo, ObjectStore } from '../store.ts'

/** What decides whether a case applies: the store's own statement about itself, and nothing else. */
export type Facts = Capabilities & { readonly near: boolean }

export interface CaseEnv {
  readonly store: ObjectStore
  /** Another handle on the same data, closed after the case. */
  open(): Promise<ObjectStore>
  /** A key of this case alone. */
  key(name: string): string
  readonly prefix: string
  /** A number in [0, 1), from the run's seed. */
  readonly random: () => number
  readonly scale: 'short' | 'full'
  readonly signal: AbortSignal | undefined
}

export interface ConformanceCase {
  /** The promise, as a sentence. */
  readonly name: string
  readonly needs?: (facts: Facts) => boolean
  /** Moves gigabytes: only where the environment says that large objects are welcome. */
  readonly large?: true
  run(env: CaseEnv): Promise<void>
}

export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Fault('bug', otherwise)
}

export function ensureEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  ensure(got === wanted, `${what}: expected ${shorten(wanted)}, got ${shorten(got)}`)
}

export async function ensureFault(code: FaultCode, work: Promise<unknown>, what: string): Promise<void> {
  const outcome = await work.then(
    () => 'success',
    (error: unknown) => (isFault(error) ? error.code : String(error)),
  )
  ensure(outcome === code, `${what}: expected the fault ${code}, got ${outcome}`)
}

export async function ensureFails(work: Promise<unknown>, what: string): Promise<void> {
  const failed = await work.then(
    () => false,
    () => true,
  )
  ensure(failed, `${what}: expected it to fail`)
}

/** The key holds exactly this content, and head, get and list agree about it. */
export async function ensureHolds(store: ObjectStore, key: string, content: Uint8Array): Promise<ObjectInfo> {
  const body = await store.get(key)
  const got = await collect(body, Number.MAX_SAFE_INTEGER)
  ensureEqual(body.length, content.byteLength, `the length of ${key}`)
  ensure(Buffer.compare(got, content) === 0, `${key} holds other bytes than were put (${got.byteLength} of ${content.byteLength})`)
  const head = await store.head(key)
  ensure(head !== undefined, `head does not see ${key}`)
  ensureEqual([head.key, head.size, head.etag], [key, content.byteLength, body.info.etag], `head of ${key}`)
  ensure(head.digest === undefined || head.digest === digestOf(content), `the store knows a wrong digest for ${key}`)
  return head
}

export async function ensureAbsent(store: ObjectStore, key: string): Promise<void> {
  ensure((await store.head(key)) === undefined, `head sees ${key}`)
  await ensureFault('not-found', read(store, key), `get of ${key}`)
  const listed = await keysOf(store.list(key))
  ensure(!listed.includes(key), `list shows ${key}`)
}

export async function read(store: ObjectStore, key: string, options: GetOptions = {}): Promise<Uint8Array> {
  return await collect(await store.get(key, options), Number.MAX_SAFE_INTEGER)
}

export async function keysOf(infos: AsyncIterable<ObjectInfo>): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of infos) keys.push(key)
  return keys
}

/** Bytes that no two positions or calls share by chance. */
export function randomBytes(random: () => number, size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4))
  let state = Math.floor(random() * 0xffffffff) | 1
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[at] = state
  }
  return new Uint8Array(words.buffer, 0, size)
}

/** The content as pieces of uneven size, readable once, without a stated length. */
export function oneShot(content: Uint8Array, random: () => number): Bytes {
  return bytesOnce(unevenPieces(content, random))
}

async function* unevenPieces(content: Uint8Array, random: () => number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.byteLength;) {
    const size = 1 + Math.floor(random() * 300_000)
    yield content.subarray(at, at + size)
    at += size
  }
}

/** A body that gives the content and then fails instead of going on. */
export function failingAfter(content: Uint8Array, length?: number): Bytes {
  return bytesFrom(async function* () {
    yield* bytesOf(content)
    throw new Fault('unavailable', 'the source of this body failed, as planned')
  }, length)
}

/** A body that gives the content and then nothing more, for ever. `reached` resolves when it does. */
export function hangingAfter(content: Uint8Array, length?: number): { body: Bytes; reached: Promise<void> } {
  const reached = Promise.withResolvers<void>()
  const body = bytesFrom(async function* () {
    yield* bytesOf(content)
    reached.resolve()
    await new Promise<never>(() => {})
  }, length)
  return { body, reached: reached.promise }
}

export function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

function shorten(shown: string | undefined): string {
  const whole = String(shown)
  return whole.length <= 300 ? whole : `${whole.slice(0, 300)}...`
}
