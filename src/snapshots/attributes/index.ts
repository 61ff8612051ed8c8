/**
 * What a file system knows of an entry: captured, and given back.
 *
 * Promises: no link is followed; names and values are bytes; what privileges or the machine do not allow is noted in a
 * Shortfall, and all other trouble is thrown.
 * Never does: read or write content; let a set-user-ID bit stand for another owner.
 */
export { applyAttributes, applyTime } from './apply.ts'
export type { GivenAttributes } from './attributes.ts'
export { captureAttributes } from './capture.ts'
export { clearRange } from './holes.ts'
export { rememberOwners } from './owners.ts'
export { createShortfall, describeOmission, type Omission, type Shortfall } from './shortfall.ts'
export { makeSpecialFile } from './special.ts'
