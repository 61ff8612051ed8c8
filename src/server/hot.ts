import { type Answer, type Asked, type Clock, isHeld } from '../kit/index.ts'

/** An answer whose headers are written down already, as node:http takes them. */
export interface ReadyAnswer extends Answer {
  readonly ready: string[]
}

export interface Hot {
  /** What was answered to the same request a moment ago; undefined where it has to be found out. */
  find(asked: Asked): { readonly route: string; readonly answer: ReadyAnswer } | undefined
  keep(asked: Asked, route: string, answer: Answer): void
  forget(): void
}

/** Milliseconds: less than anybody notices, and enough that a busy server finds out a few times a second what thousands ask. */
const keptFor = 250
const mostKept = 2_000
/** Bytes of one body, and of all. */
const largestBody = 256 << 10
const mostBytes = 64 << 20

interface Kept {
  readonly at: number
  readonly route: string
  readonly etag: string
  readonly whole?: ReadyAnswer | undefined
  readonly held?: ReadyAnswer | undefined
}

/** Public answers in memory, for each request with its own Accept. */
export function createHot(clock: Clock): Hot {
  const kept = new Map<string, Kept>()
  let bytes = 0
  const forget = () => {
    kept.clear()
    bytes = 0
  }
  return {
    forget,
    find(asked) {
      const found = kept.get(keyOf(asked))
      if (found === undefined || !isPlain(asked)) return undefined
      const age = clock.now() - found.at
      if (age < 0 || age >= keptFor) return undefined
      const answer = isHeld(asked.headers, found) ? found.held : found.whole
      return answer && { route: found.route, answer }
    },
    keep(asked, route, answer) {
      const { etag } = answer.headers
      if (etag === undefined || !isPlain(asked) || answer.headers['cache-control'] === 'no-store') return
      const { body, status } = answer
      const isWhole = status === 200 && body instanceof Uint8Array && body.byteLength <= largestBody
      if (!isWhole && status !== 304) return
      const key = keyOf(asked)
      const before = kept.get(key)
      const now = clock.now()
      const known = before !== undefined && before.etag === etag && now - before.at < keptFor ? before : { at: now, route, etag }
      const ready: ReadyAnswer = { ...answer, ready: Object.entries(answer.headers).flat() }
      if (kept.size >= mostKept || bytes >= mostBytes) forget()
      bytes += isWhole ? body.byteLength : 0
      kept.set(key, isWhole ? { ...known, whole: ready } : { ...known, held: ready })
    },
  }
}

function keyOf({ target, headers }: Asked): string {
  return `${target}\n${headers.get('accept') ?? ''}\n${headers.get('accept-encoding') ?? ''}`
}

/** Asked with GET, by nobody in particular, for the whole or for what is new of it. */
function isPlain({ method, headers }: Asked): boolean {
  return (
    method === 'GET' && headers.get('range') === null && headers.get('authorization') === null && headers.get('if-modified-since') === null
  )
}
