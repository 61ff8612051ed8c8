import { afterEach } from 'node:test'
import { buildWheel } from './distributions.ts'
import { hastyClock } from './hasty-clock.ts'
import { indexDesk, type IndexDesk } from './index-desk.ts'
import { type FakeUpstream, type FakeUpstreamOptions, startFakeUpstream } from './upstream.ts'
import { createHttp, type HttpClient } from '../../src/kit/http/index.ts'
import { collect } from '../../src/kit/index.ts'
import { createMeter, meteredStore, type ObjectStore } from '../../src/store/index.ts'
import type { IndexContext } from '../../src/python-index/context.ts'
import type { Dependency, IndexEnvironment } from '../../src/python-index/environment.ts'
import { mirror, type Mirrored, type MirrorOptions } from '../../src/python-index/mirror/mirror.ts'

const open: { close(): unknown }[] = []

/** Is closed after the test. */
export function closeLater(one: { close(): unknown }): void {
  open.push(one)
}

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

export interface Scene extends IndexDesk {
  readonly upstream: FakeUpstream
  readonly http: HttpClient
  readonly notes: string[]
  run(options?: Partial<MirrorOptions>, context?: Partial<IndexContext>): Promise<Mirrored>
  keys(start?: string): Promise<string[]>
  bytesAt(key: string): Promise<Uint8Array>
}

export const dependency = (name: string, more: Partial<Dependency> = {}): Dependency => ({
  name,
  projects: ['torch'],
  versions: ['latest'],
  takesSources: false,
  ...more,
})

export async function scene(environment: Partial<IndexEnvironment>, options?: FakeUpstreamOptions): Promise<Scene> {
  const upstream = await startFakeUpstream(options)
  const notes: string[] = []
  const report: IndexContext['report'] = (event) => void (event.kind === 'note' && notes.push(event.text))
  const http = createHttp({ clock: hastyClock(0), random: () => 0.5, userAgent: 'holdfast/test', report })
  closeLater(upstream)
  closeLater(http)
  const desk = indexDesk({ environment: { upstream: upstream.url, prefixes: ['v2/a', 'v2/b'], ...environment } })
  return {
    ...desk,
    upstream,
    http,
    notes,
    run: (more = {}, context = {}) => mirror({ ...desk.context, report, ...context }, http, { package: 'all', ...more }),
    async keys(start = '') {
      const keys: string[] = []
      for await (const { key } of desk.bucket.list(start)) keys.push(key)
      return keys
    },
    bytesAt: async (key) => await collect(await desk.bucket.get(key), 1 << 26),
  }
}

export const wheel = (name: string, version = '1.0', more: object = {}) => buildWheel({ name, version, ...more })

export const reasons = ({ failures }: Mirrored) => failures.map(({ project, what, code, reason }) => [project, what, code, reason])

export async function metered(bucket: ObjectStore, work: (counted: ObjectStore) => Promise<unknown>) {
  const meter = createMeter()
  await work(meteredStore(bucket, meter))
  const { operations, bytes } = meter.snapshot()
  return { ...operations, read: bytes.read, written: bytes.written }
}
