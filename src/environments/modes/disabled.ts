import { Fault } from '../../kit/index.ts'
import type { Mode } from '../mode.ts'

/** Keeps nothing and gives nothing back: the environment stays as it is. */
export function createDisabledMode(): Mode {
  const nothing = (): never => {
    throw new Fault('nothing-to-do', 'the mode is disabled: nothing is kept', { hint: 'choose another: mode = "auto"' })
  }
  return {
    name: 'disabled',
    swaps: true,
    createsBesideWriters: true,
    check: async () => undefined,
    create: async () => nothing(),
    restore: async () => ({ written: 0 }),
    open: async () => nothing(),
    delete: async () => undefined,
    recover: async () => ({ notes: [] }),
    inUse: async () => false,
    mounts: async () => [],
    detach: async () => undefined,
  }
}
