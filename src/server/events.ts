import { type Answer, type Asked, asFault, linkedAbort } from '../kit/index.ts'
import type { NamedMove } from './moves.ts'
import type { Refusal } from './problem.ts'
import { plainExecution } from './routes/jobs.ts'
import type { ServedView } from './served.ts'
import { createShares } from './shares.ts'

export interface Events {
  /** A stream of server-sent events (HTML Standard, 9.2): moves of names, and what becomes of executions. */
  answer(asked: Asked): Answer | Refusal
}

/** Milliseconds between two looks, while anybody listens. */
const lookEvery = 1_000
/** Milliseconds after which a silent stream says that it lives. */
const beatEvery = 15_000
const mostListeners = 200
/** Of one address: each page that is open in a browser is one. */
const mostOfOne = 50
/** Of a listener that does not read. */
const mostWaiting = 1_000
/** Executions that are looked at each time. */
const mostExecutions = 200

interface Listener {
  push(text: string): void
}

export function createEvents(served: ServedView, end: AbortSignal | undefined): Events {
  const listeners = new Set<Listener>()
  const shares = createShares(mostOfOne)
  let looking: { readonly first: Promise<unknown> } | undefined
  const tell = (text: string) => {
    for (const listener of listeners) listener.push(text)
  }
  const startLooking = () => {
    const look = createLook(served)
    // What was found out before is forgotten: a page that is opened now asks again once it listens.
    const first = look()
      .catch(() => [])
      .then(() => served.forget())
    void keepLooking(look, first).finally(() => (looking = undefined))
    return { first }
  }
  const keepLooking = async (look: () => Promise<string[]>, first: Promise<unknown>) => {
    await first
    while (listeners.size > 0) {
      await served.clock.sleep(lookEvery, end).catch(() => undefined)
      if (end?.aborted === true) return
      const texts = await look().catch(failed)
      // Whoever hears of it and asks is not given what was found out before.
      if (texts.length > 0) served.forget()
      for (const text of texts) tell(text)
    }
  }
  const failed = (error: unknown) => [`event: trouble\ndata: ${JSON.stringify({ code: asFault(error).code })}\n\n`]
  return {
    answer(asked) {
      if (asked.method !== 'GET') return { status: 405, detail: 'this is asked with GET', headers: { allow: 'GET' } }
      if (listeners.size >= mostListeners) return { status: 429, detail: 'too many listen already', headers: { 'retry-after': '30' } }
      const giveBack = shares.take(asked.address)
      if (giveBack === undefined)
        return { status: 429, detail: 'too many of this address listen already', headers: { 'retry-after': '30' } }
      const { listener, stream } = listen(served, asked.signal, end)
      const body = async function* () {
        try {
          // Whoever hears this is told of all that comes after it.
          await looking?.first
          yield encoded(': holdfast\nretry: 3000\n\n')
          for (const text of await missed(served, asked.headers.get('last-event-id'))) yield encoded(text)
          yield* stream
        } finally {
          listeners.delete(listener)
          giveBack()
        }
      }
      listeners.add(listener)
      looking ??= startLooking()
      return {
        status: 200,
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
        body: body(),
      }
    },
  }
}

/** What one listener is told, until it goes or the server ends. One that falls too far behind is let go: it comes again, and says where it was. */
function listen(
  { clock }: ServedView,
  gone: AbortSignal,
  end: AbortSignal | undefined,
): { listener: Listener; stream: AsyncIterable<Uint8Array> } {
  const waiting: string[] = []
  let wake: () => void = () => undefined
  let isLost = false
  const isOver = () => gone.aborted || end?.aborted === true || isLost
  const listener: Listener = {
    push(text) {
      isLost ||= waiting.length >= mostWaiting
      waiting.push(text)
      wake()
    },
  }
  const next = async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = () => resolve()
    wake = done
    using beat = linkedAbort(undefined)
    void clock.sleep(beatEvery, beat.controller.signal).then(
      () => listener.push(': alive\n\n'),
      () => undefined,
    )
    for (const signal of [gone, end]) signal?.addEventListener('abort', done, { once: true })
    try {
      if (waiting.length === 0 && !isOver()) await promise
    } finally {
      for (const signal of [gone, end]) signal?.removeEventListener('abort', done)
      beat.controller.abort()
    }
  }
  const stream = async function* () {
    while (!isOver()) {
      await next()
      const text = waiting.splice(0).join('')
      if (text !== '') yield encoded(text)
    }
  }
  return { listener, stream: stream() }
}

/** What is new since the look before. */
function createLook(served: ServedView): () => Promise<string[]> {
  let known: ReadonlySet<string> | undefined
  let executions: ReadonlyMap<number, string> | undefined
  return async () => {
    const latest = await served.moves.latest()
    const fresh = known === undefined ? [] : latest.filter((move) => !known!.has(nameOf(move)))
    known = new Set(latest.map(nameOf))
    const now = await lookAtExecutions(served)
    const before = executions ?? now
    const changed = [...now].filter(([id, text]) => before.get(id) !== text).map(([, text]) => text)
    executions = now
    return [...fresh.toReversed().map(moveText), ...changed.toReversed().map((text) => `event: execution\ndata: ${text}\n\n`)]
  }
}

async function lookAtExecutions({ jobs }: ServedView): Promise<Map<number, string>> {
  if (jobs === undefined || jobs.jobs.length === 0) return new Map()
  const found = await (await jobs.queue()).executions({ limit: mostExecutions })
  return new Map(found.map((each) => [each.id, JSON.stringify(plainExecution(each))]))
}

/** The moves since the one that a listener has heard of last. */
async function missed({ moves }: ServedView, last: string | null): Promise<string[]> {
  if (last === null) return []
  const latest = await moves.latest()
  const at = latest.findIndex((move) => nameOf(move) === last)
  return at === -1 ? [] : latest.slice(0, at).toReversed().map(moveText)
}

function moveText(move: NamedMove): string {
  return `id: ${nameOf(move)}\nevent: move\ndata: ${JSON.stringify(move)}\n\n`
}

/** Names are keys of a store: no line ends in them. */
function nameOf({ group, name, generation }: NamedMove): string {
  return `${group}/${name}@${generation}`
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
