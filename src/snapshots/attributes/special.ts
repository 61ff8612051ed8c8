import { type DeviceNumber, realSys, type SpecialKind, type Sys } from '../../kit/sys/index.ts'
import { isDevice } from './attributes.ts'
import type { Shortfall } from './shortfall.ts'

export interface MakeSpecialOptions {
  readonly shortfall: Shortfall
  readonly sys?: Sys
}

/**
 * Makes a pipe, a socket or a device under a free name, for its owner alone until its attributes are applied. False, and
 * noted, where privileges or the machine do not allow it.
 */
export function makeSpecialFile(
  path: string | Uint8Array,
  kind: SpecialKind,
  device: DeviceNumber | undefined,
  { shortfall, sys = realSys }: MakeSpecialOptions,
): boolean {
  const what = isDevice(kind) ? 'device' : 'special'
  return shortfall.attempt(what, path, () => (sys.makeSpecial(path, kind, 0o600, device), true)) === true
}
