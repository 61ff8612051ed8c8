import type { TargetState } from '../daemon/index.ts'
import type { ServedView } from './served.ts'

/** What is counted, in the text form that Prometheus reads. Names follow its conventions: base units, `_total` for what only grows. */
export interface Metrics {
  begin(): void
  /** Milliseconds that it took until the answer's headers were known. */
  end(route: string, method: string, status: number, took: number): void
  text(): Promise<string>
}

/** Seconds. */
const bounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

interface Series {
  readonly labels: string
  count: number
  sum: number
  readonly buckets: number[]
  readonly byStatus: Map<string, number>
}

export function createMetrics(served: ServedView): Metrics {
  const { version, clock } = served
  const series = new Map<string, Series>()
  const startedAt = clock.now()
  let underWay = 0
  return {
    begin() {
      underWay++
    },
    end(route, method, status, took) {
      underWay--
      const known = series.get(route)
      const each = known ?? { labels: `route="${route}"`, count: 0, sum: 0, buckets: bounds.map(() => 0), byStatus: new Map() }
      if (known === undefined) series.set(route, each)
      const seconds = took / 1000
      each.count++
      each.sum += seconds
      for (let at = bounds.length - 1; at >= 0 && seconds <= bounds[at]!; at--) each.buckets[at]!++
      const key = `method="${methodLabel(method)}",status="${status}"`
      each.byStatus.set(key, (each.byStatus.get(key) ?? 0) + 1)
    },
    async text() {
      const all = [...series.values()]
      const { user, system } = process.cpuUsage()
      const lines = [
        ...family('holdfast_build_info', 'gauge', 'The version that runs.', [`{version="${version}"} 1`]),
        ...family(
          'holdfast_http_requests_total',
          'counter',
          'Requests that were answered.',
          all.flatMap(({ labels, byStatus }) => Array.from(byStatus, ([more, count]) => `{${labels},${more}} ${count}`)),
        ),
        ...family('holdfast_http_requests_in_flight', 'gauge', 'Requests that are being answered.', [` ${underWay}`]),
        ...family('holdfast_http_request_duration_seconds', 'histogram', 'Until the first byte of the answer.', all.flatMap(histogram)),
        ...family('process_cpu_seconds_total', 'counter', 'CPU time of this process.', [` ${(user + system) / 1e6}`]),
        ...family('process_resident_memory_bytes', 'gauge', 'Memory of this process.', [` ${process.memoryUsage.rss()}`]),
        ...family('process_start_time_seconds', 'gauge', 'When this server began.', [` ${startedAt / 1000}`]),
      ]
      const told = await Promise.all([ofStores(served), ofMoves(served), ofJobs(served)].map((found) => found.catch(() => [])))
      return `${[...lines, ...told.flat()].join('\n')}\n`
    },
  }
}

/** What this process asked of stores. */
async function ofStores({ counted }: ServedView): Promise<string[]> {
  const { operations, bytes } = await counted()
  return [
    ...family(
      'holdfast_store_operations_total',
      'counter',
      'Calls of the stores of this process.',
      Object.entries(operations).map(([operation, count]) => `{operation="${operation}"} ${count}`),
    ),
    ...family(
      'holdfast_store_bytes_total',
      'counter',
      'Bytes of content that this process read from stores and wrote to them.',
      (['read', 'written'] as const).map((direction) => `{direction="${direction}"} ${bytes[direction]}`),
    ),
  ]
}

/** When names moved last: what should move every day, and did not, is seen by it. */
async function ofMoves({ moves }: ServedView): Promise<string[]> {
  const last = new Map<string, number>()
  for (const { group, at } of (await moves.latest()).toReversed()) last.set(group, Date.parse(at) / 1000)
  const samples = Array.from(last, ([group, at]) => `{group="${labelText(group)}"} ${at}`)
  return family('holdfast_last_move_timestamp_seconds', 'gauge', 'When a name of this group moved last.', samples)
}

async function ofJobs({ jobs }: ServedView): Promise<string[]> {
  if (jobs === undefined || jobs.jobs.length === 0) return []
  const queue = await jobs.queue()
  const [counts, states, targets] = await Promise.all([queue.counts(), queue.jobs(), queue.targets()])
  return [
    ...family(
      'holdfast_executions',
      'gauge',
      'Executions of jobs that are in this state and not forgotten yet.',
      Object.entries(counts).map(([state, count]) => `{state="${state}"} ${count}`),
    ),
    ...family(
      'holdfast_job_failures',
      'gauge',
      'Firings of a job that failed since one ended well.',
      states.map(({ name, failures }) => `{job="${labelText(name)}"} ${failures}`),
    ),
    ...family(
      'holdfast_job_last_success_timestamp_seconds',
      'gauge',
      'When a firing of a job last ended well.',
      states.flatMap(({ name, succeeded }) => (succeeded === undefined ? [] : [`{job="${labelText(name)}"} ${succeeded / 1000}`])),
    ),
    ...ofTargets(targets.filter(({ name }) => jobs.notified?.includes(name) === true)),
  ]
}

/** Who is told when jobs fail: that somebody cannot be told has to be seen elsewhere. */
function ofTargets(targets: readonly TargetState[]): string[] {
  if (targets.length === 0) return []
  return [
    ...family(
      'holdfast_notification_attempts',
      'gauge',
      'Tries to tell this target what it is to be told next; 0 where all was told.',
      targets.map(({ name, attempts }) => `{target="${labelText(name)}"} ${attempts}`),
    ),
    ...family(
      'holdfast_notifications_given_up_total',
      'counter',
      'Changes of jobs that this target could not be told.',
      targets.map(({ name, givenUp }) => `{target="${labelText(name)}"} ${givenUp}`),
    ),
    ...family(
      'holdfast_notification_last_success_timestamp_seconds',
      'gauge',
      'When this target was last told something.',
      targets.flatMap(({ name, succeeded }) => (succeeded === undefined ? [] : [`{target="${labelText(name)}"} ${succeeded / 1000}`])),
    ),
  ]
}

/** As a value between quotes: a name in a store, or of a job, cannot end it. */
function labelText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function family(name: string, type: string, help: string, samples: readonly string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map((sample) => `${name}${sample}`)]
}

function histogram({ labels, buckets, count, sum }: Series): string[] {
  return [
    ...bounds.map((bound, at) => `_bucket{${labels},le="${bound}"} ${buckets[at]}`),
    `_bucket{${labels},le="+Inf"} ${count}`,
    `_sum{${labels}} ${sum}`,
    `_count{${labels}} ${count}`,
  ]
}

/** Anyone may send any word as a method: each would be a series of its own. */
export function methodLabel(method: string): string {
  return ['GET', 'HEAD', 'POST'].includes(method) ? method : 'other'
}
