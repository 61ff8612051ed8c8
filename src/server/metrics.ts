import type { Served } from './served.ts'

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

export function createMetrics({ version, clock }: Served): Metrics {
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
      return `${lines.join('\n')}\n`
    },
  }
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
function methodLabel(method: string): string {
  return ['GET', 'HEAD', 'POST'].includes(method) ? method : 'other'
}
