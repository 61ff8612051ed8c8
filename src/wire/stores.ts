import { silent } from '../kit/index.ts'
import type { ByteRate, Meter, ObjectStore, OpenOptions } from '../store/index.ts'
import { createOpened } from './opened.ts'
import type { Wire, WireOptions } from './wire.ts'

/** The stores of a wire: they count in one meter, and keep to one rate. */
export interface Stores extends Pick<Wire, 'meter' | 'rate' | 'openTree' | 'openFresh' | 'close'> {
  open(url: string): Promise<ObjectStore>
}

export function createStores(options: WireOptions): Stores {
  let loading: Promise<Loaded> | undefined
  const loaded = () => (loading ??= load(options))
  const opened = createOpened<string | symbol, ObjectStore>()
  return {
    meter: async () => (await loaded()).meter,
    rate: async () => (await loaded()).rate,
    open: (url) => opened.get(url, async () => await (await loaded()).open(url)),
    // Each is one of its own.
    openTree: (url) => opened.get(Symbol(url), async () => await (await loaded()).open(url, { plain: true, readOnly: true })),
    openFresh: async (url) => await (await loaded()).open(url, { report: silent }),
    close: opened.close,
  }
}

interface Loaded {
  readonly meter: Meter
  readonly rate: ByteRate | undefined
  open(url: string, other?: Partial<OpenOptions>): Promise<ObjectStore>
}

/** When something needs a store: most commands on environments do not. */
async function load({ config, clock, random, report, env, tracer, limitRate }: WireOptions): Promise<Loaded> {
  const { createByteRate, createMeter, openStore } = await import('../store/index.ts')
  const meter = createMeter()
  const rate = limitRate === undefined ? undefined : createByteRate(limitRate, clock)
  const settings = { cwd: config.root, clock, random, meter, report, env, s3: config.store.s3, sftp: config.store.sftp, rate, tracer }
  return { meter, rate, open: async (url, other = {}) => await openStore(url, { ...settings, ...other }) }
}
