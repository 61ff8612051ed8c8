import { type Clock, type Fault, isFault, type Report } from '../../../kit/index.ts'
import { createMeter, type Meter, meteredStore, type MeterReading, type ObjectStore } from '../../../store/index.ts'
import { manifestFolder } from '../../format/place.ts'

/** Where runs are synced from, and how it is counted. */
export interface Source {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly report: Report
  readonly signal: AbortSignal | undefined
  used(): Used
}

/** What was asked of the source. */
export interface Used {
  /** Objects that were opened and listings that were begun. */
  readonly operations: number
  readonly opened: number
  readonly listed: number
  /** Bytes of content that came from there. */
  readonly bytes: number
}

export function openSource(store: ObjectStore, options: { clock: Clock; report: Report; signal?: AbortSignal | undefined }): Source {
  const meter: Meter = createMeter()
  return { ...options, signal: options.signal, store: meteredStore(store, meter), used: () => usedOf(meter.snapshot()) }
}

function usedOf({ operations, bytes }: MeterReading): Used {
  const opened = operations.get + operations.head
  return { operations: opened + operations.list, opened, listed: operations.list, bytes: bytes.read }
}

/** The key of something that a generator writes. */
export function manifestKey(name: string): string {
  return `${manifestFolder}/${name}`
}

/** Whether another way of finding out what there is may do better: this one is not there, not for us, or not to be trusted. */
export function isWorthAnotherWay(error: unknown): error is Fault {
  return isFault(error) && ['not-found', 'denied', 'corrupt', 'unsupported'].includes(error.code)
}
