import { type Clock, type Report, silent, type Tracer } from '../kit/index.ts'
import { createFileStore } from './drivers/file/index.ts'
import { createMemoryStore, namedMemoryStore } from './drivers/memory.ts'
import { createS3Store, type S3Settings } from './drivers/s3/index.ts'
import { createSftpStore, type SftpSettings } from './drivers/sftp/index.ts'
import type { ObjectStore } from './store.ts'
import { parseStoreUrl, type StorePlace } from './url.ts'
import { type ByteRate, limitedStore } from './wrap/limited.ts'
import { type Meter, meteredStore } from './wrap/metered.ts'
import { prefixedStore } from './wrap/prefixed.ts'
import { readOnlyStore } from './wrap/read-only.ts'
import { retryingStore } from './wrap/retrying.ts'
import { tracedStore } from './wrap/traced.ts'

export interface OpenOptions {
  /** What relative paths are below. */
  readonly cwd: string
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  /** Counts what the store does; one meter may serve many. */
  readonly meter?: Meter | undefined
  /** Told of each try that failed and is repeated. */
  readonly report?: Report | undefined
  readonly env?: S3Settings['env'] | undefined
  readonly s3?: Omit<S3Settings, 'env'> | undefined
  readonly sftp?: Omit<SftpSettings, 'env'> | undefined
  /** On a server: a tree that others keep, in which no key has generations. Fewer requests, and no conditional puts. */
  readonly plain?: boolean | undefined
  /** Holds back the bytes of every store that was given it. */
  readonly rate?: ByteRate | undefined
  /** Every put and delete is `denied`. */
  readonly readOnly?: boolean | undefined
  /** Follows what is asked of it. */
  readonly tracer?: Tracer | undefined
}

/** The store at a URL, with everything around its driver. Nothing is asked of the place before the first verb. */
export async function openStore(url: string, options: OpenOptions): Promise<ObjectStore> {
  const { clock, random, meter, rate, report = silent, tracer } = options
  const driver = openDriver(parseStoreUrl(url, options.cwd), options)
  // From the inside out. Limits hold for each try, and a try that waits to be repeated takes nobody's place; the meter counts what
  // was asked for once, however often it was tried (the driver counts requests); what is refused is not counted.
  const limited = rate === undefined ? driver : limitedStore(driver, { rate })
  const retried = retryingStore(limited, {
    clock,
    random,
    attempts: 6,
    base: 200,
    cap: 20_000,
    onRetry: (fault, attempt, wait) =>
      report({ kind: 'note', level: 'warning', text: `${fault.message}: trying again in ${Math.ceil(wait)} ms (try ${attempt + 1} of 6)` }),
  })
  const metered = meter === undefined ? retried : meteredStore(retried, meter)
  const followed = tracer === undefined ? metered : tracedStore(metered, tracer)
  return options.readOnly === true ? readOnlyStore(followed) : followed
}

function openDriver(place: StorePlace, { clock, meter, report, env = {}, s3 = {}, sftp = {}, plain }: OpenOptions): ObjectStore {
  if (place.scheme === 'file') return createFileStore({ root: place.root })
  if (place.scheme === 'memory') return place.name === '' ? createMemoryStore({ clock }) : namedMemoryStore(place.name, clock)
  if (place.scheme === 'sftp') return createSftpStore({ ...sftp, ...place, env, clock, meter, report, plain })
  const bucket = createS3Store({ ...s3, env, bucket: place.bucket, meter })
  return place.prefix === '' ? bucket : prefixedStore(bucket, place.prefix)
}
