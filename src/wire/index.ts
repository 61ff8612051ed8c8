/**
 * The composition root: configuration in, everything wired.
 *
 * Promises: a store is opened when it is first asked for, once for each URL, and closed with the wire; every store counts
 * in one meter. Never does: read a file of its own accord before something needs it, keep anything global.
 */
export { openWire } from './open-wire.ts'
export type { Wire, WireOptions } from './wire.ts'
