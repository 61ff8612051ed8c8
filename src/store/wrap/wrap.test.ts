import { bytesOf, systemClock } from '../../kit/index.ts'
import { conformanceTests } from '../../../test/conformance.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { fakeTracer } from '../../../test/fakes/tracer.ts'
import { openReader } from '../derive.ts'
import { createMemoryStore } from '../drivers/memory.ts'
import type { ObjectStore } from '../store.ts'
import { type FaultPlan, faultyStore, plannedFaults, randomFaults } from './faulty.ts'
import { createByteRate, limitedStore } from './limited.ts'
import { createMeter, meteredStore } from './metered.ts'
import { prefixedStore } from './prefixed.ts'
import { retryingStore } from './retrying.ts'
import { tracedStore } from './traced.ts'

const clock = hastyClock(0)
const policy = { clock, random: seededRandom(testSeed), attempts: 30, base: 100, cap: 1000 }

/** A tenth of all that only reads, and of deletes, goes wrong in every way that can be noticed. */
const readTrouble = (): FaultPlan => {
  const faults = randomFaults({
    random: seededRandom(testSeed),
    rate: 0.1,
    faults: ['error-before', 'error-after', 'truncated', 'delayed', 'duplicated'],
  })
  return { next: (operation, key) => (operation === 'put' ? undefined : faults.next(operation, key)) }
}

const wrappers: Record<string, (store: ObjectStore) => ObjectStore> = {
  'retrying tries again': (store) => retryingStore(store, policy),
  'retrying bears a store where a tenth of all reading fails': (store) => retryingStore(faultyStore(store, readTrouble(), clock), policy),
  'metered counts': (store) => meteredStore(store, createMeter()),
  'limited holds back': (store) => limitedStore(store, { rate: createByteRate(1e6, clock), inFlight: 3 }),
  'prefixed narrows': (store) => prefixedStore(store, 'some/where/'),
  'traced follows': (store) => {
    const tracer = fakeTracer()
    const outer = tracer.begin('all of it')
    return tracedStore(store, { ...tracer, current: () => outer })
  },
  'faulty without a fault': (store) => faultyStore(store, plannedFaults(), clock),
  'all of them at once': (store) =>
    meteredStore(
      retryingStore(limitedStore(prefixedStore(store, 'p/'), { rate: createByteRate(1e9, clock), inFlight: 2 }), policy),
      createMeter(),
    ),
}

/** In memory, with a reader of its own, so that the wrappers have one to pass on. */
function memoryWithReaders(): ObjectStore {
  const memory = createMemoryStore({ clock: systemClock })
  return { ...memory, reader: (key, options) => openReader(memory, key, options) }
}

for (const [name, wrap] of Object.entries(wrappers)) {
  const memory = memoryWithReaders()
  await memory.put('somewhere-else', bytesOf('not under any prefix'))
  const store = wrap(memory)
  conformanceTests(`the wrapper that ${name}`, async () => store, {
    expectedSkips: { 'a key below or above another is refused, and says so': 'a key may have keys below it' },
    prefix: 'suite/',
  })
}
