import type { Clock, Progress, Report } from '../kit/index.ts'
import type { Paint } from './colour.ts'
import { progressLine, progressSentence, type TaskState } from './progress-line.ts'
import type { Screen } from './screen.ts'
import { printable } from './width.ts'

export interface ProgressOptions {
  readonly clock: Clock
  readonly paint: Paint
  /** `live`: one line that is redrawn. `plain`: a line now and then. `none`: warnings only. */
  readonly mode: 'live' | 'plain' | 'none'
  readonly columns: () => number
  /** Events are said too, by their names. */
  readonly verbose?: boolean | undefined
}

export interface ProgressDisplay {
  readonly report: Report
  /** Clears the live line and stops drawing. Idempotent. */
  stop(): Promise<void>
}

const periods = { live: 100, plain: 10_000 }
const rateWindow = 5000

interface Task {
  readonly task: string
  bytes: number
  items: number
  totalBytes: number | undefined
  totalItems: number | undefined
  said: boolean
  samples: { time: number; bytes: number }[]
}

/** Draws what is reported. Work that ends within the first period is never drawn, so that quick commands stay quiet. */
export function showProgress(screen: Screen, options: ProgressOptions): ProgressDisplay {
  const { clock, paint, mode, columns, verbose = false } = options
  const tasks = new Map<string, Task>()
  const stopping = new AbortController()
  let drawing: Promise<void> | undefined

  const draw = () => {
    const current = [...tasks.values()].at(-1)
    if (current === undefined) return screen.live(undefined)
    const state = stateOf(current, clock.now())
    if (mode === 'live') return screen.live(progressLine(state, columns() - 1))
    current.said = true
    screen.say(progressSentence(state))
  }
  const drawWhileBusy = async (period: number) => {
    while (tasks.size > 0 && !stopping.signal.aborted) {
      await clock.sleep(period, stopping.signal)
      if (tasks.size > 0) draw()
    }
  }
  const finish = (task: Task | undefined) => {
    if (task === undefined) return
    tasks.delete(task.task)
    if (task.said) screen.say(`${progressSentence({ ...stateOf(task, clock.now()), rate: undefined })}, done`)
    if (tasks.size === 0) screen.live(undefined)
  }

  return {
    report(event) {
      if (event.kind === 'note') {
        const text = printable(verbose && event.event !== undefined ? `${event.event}: ${event.text}` : event.text)
        if (event.level === 'warning') screen.say(`${paint.yellow('warning:')} ${text}`)
        // An event is for logs; what the command prints at its end says the same.
        else if (mode !== 'none' && (verbose || event.event === undefined)) screen.say(text)
        return
      }
      if (mode === 'none' || stopping.signal.aborted) return
      if (event.kind === 'end') return finish(tasks.get(event.task))
      if (event.kind === 'advance') return advance(tasks.get(event.task), event)
      tasks.set(event.task, taskOf(event, clock.now()))
      drawing ??= drawWhileBusy(periods[mode])
        .catch(() => undefined)
        .finally(() => (drawing = undefined))
    },
    async stop() {
      stopping.abort()
      tasks.clear()
      await drawing
      screen.live(undefined)
    },
  }
}

function taskOf({ task, bytes, items }: Extract<Progress, { kind: 'begin' }>, now: number): Task {
  return { task, bytes: 0, items: 0, totalBytes: bytes, totalItems: items, said: false, samples: [{ time: now, bytes: 0 }] }
}

function advance(task: Task | undefined, by: { readonly bytes?: number | undefined; readonly items?: number | undefined }): void {
  if (task === undefined) return
  task.bytes += by.bytes ?? 0
  task.items += by.items ?? 0
}

function stateOf(task: Task, now: number): TaskState {
  task.samples.push({ time: now, bytes: task.bytes })
  while (task.samples.length > 2 && task.samples[1]!.time <= now - rateWindow) task.samples.shift()
  const { time, bytes } = task.samples[0]!
  const rate = now > time && task.bytes > 0 ? ((task.bytes - bytes) * 1000) / (now - time) : undefined
  return { task: task.task, bytes: task.bytes, totalBytes: task.totalBytes, items: task.items, totalItems: task.totalItems, rate }
}
