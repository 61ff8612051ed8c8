import { futimesSync, lutimesSync } from 'node:fs'
import { diskFault, Fault } from '../../kit/index.ts'
import { type Place, placeName, type Sys } from '../../kit/sys/index.ts'
import { nodePath, statsOf } from './capture.ts'
import type { Shortfall } from './shortfall.ts'

/** Sets the time of an entry's last change, of a link's own; what comes out otherwise than asked for is noted. */
export function changeTime(at: Place, mtimeNs: bigint, sys: Sys, shortfall: Shortfall): void {
  if (sys.whyMissing() === undefined) {
    const isDone = shortfall.attempt('time', at, () => (sys.setTimes(at, { modifiedNs: mtimeNs }), true)) === true
    // A file system that counts in coarser steps, or not that far, takes the nearest time without a word.
    if (isDone) compareTime(at, mtimeNs, 'this file system cannot hold the time exactly', shortfall)
    return
  }
  const isDone = shortfall.attempt('time', at, () => (setRoughTime(at, mtimeNs), true)) === true
  if (isDone) compareTime(at, mtimeNs, 'this machine cannot set a time to the nanosecond', shortfall)
}

function compareTime(at: Place, mtimeNs: bigint, otherwise: string, shortfall: Shortfall): void {
  if (statsOf(at).mtimeNs !== mtimeNs) shortfall.note('time', at, new Fault('unsupported', otherwise))
}

/** As near as Node comes, which counts in seconds with a fraction. */
function setRoughTime(at: Place, mtimeNs: bigint): void {
  const seconds = Number(mtimeNs) / 1e9
  try {
    if (typeof at === 'number') futimesSync(at, seconds, seconds)
    else lutimesSync(nodePath(at), seconds, seconds)
  } catch (error) {
    throw diskFault(error, placeName(at), 'set its times')
  }
}
