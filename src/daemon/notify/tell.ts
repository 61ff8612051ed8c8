import { asFault, type Clock, Fault, formatDuration, linkedAbort, type Report, retrying } from '../../kit/index.ts'
import type { HeldChange, Telling } from '../change.ts'
import type { Queue } from '../queue.ts'
import { noticeOf } from './notice.ts'
import type { Notifier } from './notifier.ts'
import { wants } from './target.ts'

export interface TellOptions {
  readonly queue: Queue
  /** As they are configured now. */
  readonly notifiers: () => readonly Notifier[]
  /** Where this daemon runs. */
  readonly host: string
  readonly clock: Clock
  readonly report: Report
}

/** Nobody else tells a target of a change for so long: longer than a try and writing it down. */
const hold = 120_000
const firstWait = 10_000
const longestWait = 3_600_000
/** What a server asks for by Retry-After counts up to here. */
const longestAsked = 6 * 3_600_000
/** A change that is older is nobody's news. */
const oldest = 3 * 86_400_000
/** A target that refuses, and does not only fail, gets so many tries of one change: the others wait behind it. */
const mostRefusals = 8

/** Tells targets of changes, each at its own pace: one that is down is in nobody's way. Throws nothing. */
export interface Teller {
  /** Begins with what is to be told now, and does not wait for it. */
  look(): void
  /** Tells all that can be told now, each once. */
  tellAll(): Promise<void>
  /** What is under way may take so many milliseconds, then it is stopped, and told by whoever comes next. */
  end(grace: number): Promise<void>
}

export function createTeller(options: TellOptions): Teller {
  const { notifiers, clock, report } = options
  const stopping = new AbortController()
  const busy = new Map<string, Promise<boolean>>()
  const begin = (notifier: Notifier): Promise<boolean> => {
    const { name } = notifier.target
    const going =
      busy.get(name) ??
      tellNext(options, notifier, stopping.signal)
        .catch((error: unknown) => {
          const { message, retry } = asFault(error)
          // A queue that is away is said by those who fire jobs.
          if (retry !== 'later') report({ kind: 'note', level: 'warning', text: `${name} was not told: ${message}` })
          return false
        })
        .finally(() => busy.delete(name))
    busy.set(name, going)
    return going
  }
  return {
    look: () => notifiers().forEach((notifier) => void begin(notifier)),
    async tellAll() {
      await Promise.all(
        notifiers().map(async (notifier) => {
          while (await begin(notifier));
        }),
      )
    },
    async end(grace) {
      using link = linkedAbort(undefined)
      const all = Promise.all(busy.values())
      const late = clock.sleep(grace, link.controller.signal).catch(() => undefined)
      await Promise.race([all, late])
      link.controller.abort()
      stopping.abort(new Fault('aborted', 'the daemon ends'))
      await all
    },
  }
}

/** Tells one target of the next change that it wants. True where there may be more. */
async function tellNext(options: TellOptions, notifier: Notifier, signal: AbortSignal): Promise<boolean> {
  const { queue, clock } = options
  const { target } = notifier
  for (;;) {
    const held = signal.aborted ? undefined : await queue.holdChange(target.name, hold)
    if (held === undefined) return false
    const telling = wants(target, held.change) ? await tell(options, notifier, held, signal) : ({ kind: 'passed' } as const)
    // What cannot be written down is told twice.
    await retrying({ clock, random: () => 1, attempts: 6, base: 250, cap: 4000 }, () => queue.endTelling(target.name, held, telling))
    if (telling.kind !== 'passed') return telling.kind === 'told' || telling.kind === 'given-up'
  }
}

/** One try, and what is said of it in the log. */
async function tell(options: TellOptions, { target, send }: Notifier, held: HeldChange, signal: AbortSignal): Promise<Telling> {
  const { queue, clock, report, host } = options
  const { change } = held
  const what = `${change.job} ${change.kind === 'recovery' ? 'has recovered' : 'failed'}`
  const note = (level: 'info' | 'warning', event: 'sent' | 'failed' | 'given_up', text: string) =>
    report({
      kind: 'note',
      level,
      text: `${target.name} ${text}`,
      event: `notification_${event}`,
      fields: { target: target.name, job: change.job },
    })
  if (clock.now() - change.at > oldest) {
    const message = `it was more than ${formatDuration(oldest)} ago`
    note('warning', 'given_up', `was not told that ${what}: ${message}`)
    return { kind: 'given-up', message }
  }
  const log = change.units[0] === undefined ? [] : await queue.lastLines(change.units[0].id, target.logLines)
  try {
    const remark = await send(noticeOf(change, { queue: queue.id, host, log: log.map(({ text }) => text) }), signal)
    if (remark === undefined) note('info', 'sent', `was told that ${what}`)
    else note('warning', 'sent', `was told that ${what}, but ${remark}`)
    return { kind: 'told' }
  } catch (error) {
    if (signal.aborted) return { kind: 'handed-back' }
    const telling = afterFailure(held, asFault(error), clock.now())
    const why = `could not be told that ${what}: ${telling.message}`
    if (telling.kind === 'again') note('warning', 'failed', `${why}: trying again in ${formatDuration(telling.wait)}`)
    else note('warning', 'given_up', `${why}: given up`)
    return telling
  }
}

type Failure = Extract<Telling, { kind: 'again' | 'given-up' }>

function afterFailure({ change, attempt }: HeldChange, { message, retry, retryAfter = 0 }: Fault, now: number): Failure {
  const wait = Math.max(Math.min(longestWait, firstWait * 3 ** (attempt - 1)), Math.min(longestAsked, retryAfter))
  const isHopeless = now + wait - change.at > oldest || (retry !== 'later' && attempt >= mostRefusals)
  return isHopeless ? { kind: 'given-up', message } : { kind: 'again', message, wait }
}
