import { bytesOf, silent } from '../../src/kit/index.ts'
import { ensureStoreFormat } from '../../src/chunks/index.ts'
import type { IndexContext, IndexEnvironment } from '../../src/python-index/index.ts'
import {
  createMemoryStore,
  createMeter,
  faultyStore,
  type Meter,
  meteredStore,
  type ObjectStore,
  type Operation,
} from '../../src/store/index.ts'
import type { BuiltDistribution } from './distributions.ts'
import { hastyClock } from './hasty-clock.ts'
import { seededRandom, testSeed } from './seeded-random.ts'

/** All that an index needs, in memory if nothing else is given: a store, a bucket, a clock. What goes through the context is counted. */
export interface IndexDesk {
  readonly context: IndexContext
  /** Not counted. */
  readonly store: ObjectStore
  readonly bucket: ObjectStore
  readonly clock: ReturnType<typeof hastyClock>
  /** Of the store. */
  readonly meter: Meter
  /** Of the bucket. */
  readonly bucketMeter: Meter
  /** Operations on the store that were asked for through the context. */
  spent(): Partial<Record<Operation, number>>
  /** Puts a distribution into the bucket. */
  upload(prefix: string, ...built: readonly BuiltDistribution[]): Promise<void>
}

export interface IndexDeskOptions {
  readonly environment?: Partial<IndexEnvironment>
  /** Every such operation on the store fails. */
  readonly failing?: Operation
  readonly store?: ObjectStore
  readonly bucket?: ObjectStore
  readonly random?: () => number
}

export function indexDesk({ environment, failing, ...options }: IndexDeskOptions = {}): IndexDesk {
  const clock = hastyClock(Date.parse('2025-01-07T14:30:00Z'))
  const random = options.random ?? seededRandom(testSeed)
  const store = options.store ?? createMemoryStore({ name: 'memory:store', clock })
  const bucket = options.bucket ?? createMemoryStore({ name: 'memory:bucket', clock })
  const [meter, bucketMeter] = [createMeter(), createMeter()]
  const metered = meteredStore(store, meter)
  const next = (operation: Operation) => (operation === failing ? 'error-before' : undefined)
  const context: IndexContext = {
    environment: { ...plainEnvironment, ...environment },
    store: failing === undefined ? metered : faultyStore(metered, { next }, clock),
    bucket: meteredStore(bucket, bucketMeter),
    prepareStore: async () => await ensureStoreFormat(store, { now: clock.now(), random }),
    clock,
    random,
    by: 'ann@builder',
    report: silent,
  }
  const spent = () => Object.fromEntries(Object.entries(meter.snapshot().operations).filter(([, count]) => count > 0))
  const upload = async (prefix: string, ...built: readonly BuiltDistribution[]) => {
    for (const { file, bytes } of built) await bucket.put(`${prefix}/${file}`, bytesOf(bytes))
  }
  return { context, store, bucket, clock, meter, bucketMeter, spent, upload }
}

const plainEnvironment: IndexEnvironment = {
  name: 'default',
  bucket: 'memory:bucket',
  urls: [],
  prefixes: ['v2'],
  isProtected: false,
  requiresHash: false,
  keepGenerations: 10,
  grace: 7 * 86_400_000,
  isPublic: false,
  pageCache: 'no-cache',
  fileCache: 'public, max-age=31536000, immutable',
  upstream: 'https://pypi.org/simple/',
  dependencies: [],
}
