import { createHash } from 'node:crypto'
import { formatDuration, redact } from '../../kit/index.ts'
import type { Change } from '../change.ts'
import { lineOf } from '../words.ts'

/** What a target is told. Times are milliseconds since 1970; no text in it has a secret that is known as one. */
export type Notice = Origin & ({ readonly kind: 'test' } | Told)

interface Origin {
  /** The same whenever the same is told again, so that receivers can tell what they have had. */
  readonly id: string
  readonly at: number
  /** Where the daemon runs that tells it. */
  readonly host: string
}

interface Told extends Pick<Change, 'job' | 'firing' | 'exit' | 'since' | 'failures' | 'failed'> {
  readonly kind: 'failed' | 'failing' | 'recovered'
  /** The id of the notice of the first failure. */
  readonly thread: string
  readonly units: readonly NoticeUnit[]
  /** The last lines of what the first unit said. */
  readonly log: readonly string[]
}

interface NoticeUnit {
  readonly id: number
  readonly command: string
  readonly state: string
  readonly attempt: number
  readonly exit?: number | undefined
  readonly code?: string | undefined
  readonly message?: string | undefined
}

const longestLine = 300
const longestCommand = 500
/** Bytes of a log: an event of a webhook stays below the 20 KB that Standard Webhooks recommends. */
const longestLog = 6000

/** `queue` is the id of the queue, `log` what the first unit said at last. */
export function noticeOf(change: Change, { queue, host, log }: { queue: string; host: string; log: readonly string[] }): Notice {
  const { job, firing, kind, at, exit, since, previous, failures, failed } = change
  const idAt = (time: number) => idOf([queue, job, `${since}`, `${time}`])
  return {
    id: idAt(at),
    thread: idAt(since),
    kind: kind === 'recovery' ? 'recovered' : previous === undefined ? 'failed' : 'failing',
    at,
    host,
    job,
    firing,
    exit,
    since,
    failures,
    failed,
    units: change.units.map(({ words, message, ...unit }) => ({
      ...unit,
      command: safe(lineOf(words), longestCommand),
      message: message === undefined ? undefined : safe(message, longestLine),
    })),
    log: lastOf(log.map((line) => safe(line, longestLine))),
  }
}

/** For trying a target; `salt` makes its id one that was never used. */
export function testNotice(host: string, at: number, salt: string): Notice {
  return { id: idOf([host, `${at}`, salt]), kind: 'test', at, host }
}

/** Neither a dot nor anything else that a header or a signature would part at. */
function idOf(parts: readonly string[]): string {
  return `msg_${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)}`
}

function lastOf(lines: readonly string[]): string[] {
  let room = longestLog
  return lines
    .toReversed()
    .flatMap((line) => ((room -= Buffer.byteLength(line) + 1) >= 0 ? [line] : []))
    .toReversed()
}

/** One line without a secret, and without what could play tricks on who reads it. */
function safe(text: string, longest: number): string {
  const line = redact(text)
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trimEnd()
  return (line.length > longest ? `${line.slice(0, longest - 1)}…` : line).toWellFormed()
}

/** A notice for people. */
export interface Message {
  readonly title: string
  readonly facts: readonly string[]
  /** Lines of a log, and of what. */
  readonly log: { readonly of: string; readonly lines: readonly string[] } | undefined
  readonly next: string | undefined
}

export function messageOf(notice: Notice): Message {
  if (notice.kind === 'test')
    return { title: `a test from ${notice.host}`, facts: ['notifications get here'], log: undefined, next: undefined }
  const { job, host, kind, at, since, exit, failures, failed, units, log } = notice
  const lasted = formatDuration(at - since)
  const times = failures > 1 ? `${failures} times in a row` : failures === 1 ? 'once' : 'for long'
  if (kind === 'recovered') {
    const facts = [`it ended well at ${timeText(at)}, after it had failed ${times}, since ${timeText(since)}`]
    return { title: `${job} has recovered on ${host}`, facts, log: undefined, next: undefined }
  }
  const [first] = units
  const more = failed - units.length
  return {
    title: kind === 'failed' ? `${job} failed on ${host}` : `${job} has been failing for ${lasted} on ${host}`,
    facts: [
      `exit status ${exit} at ${timeText(at)}${kind === 'failed' ? '' : `; it failed ${times}, since ${timeText(since)}`}`,
      ...units.map(unitText),
      ...(more > 0 ? [`and ${more} more`] : []),
    ],
    log: first === undefined || log.length === 0 ? undefined : { of: `#${first.id}`, lines: log },
    next: first === undefined ? 'holdfast jobs list' : `holdfast jobs log ${first.id}`,
  }
}

function unitText({ id, command, state, attempt, exit, code, message }: NoticeUnit): string {
  const how = state === 'dead' ? `dead after ${attempt} tries` : state
  return `#${id} ${command}: ${how}: ${message ?? code ?? `exit status ${exit}`}`
}

function timeText(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
