import { after } from 'node:test'
import { readMounts, realSys as sys } from '../../src/kit/sys/index.ts'
import { scratchDirectory } from './scratch.ts'

/** A scratch directory for tests that mount: what is still mounted in it afterwards is detached, and then it is removed. */
export function scratchForMounts(): string {
  let directory = '/nowhere'
  after(() => {
    // One at a time: with one, those in it go too, and those that others share with it.
    for (;;) {
      const last = readMounts().findLast(({ at }) => at.startsWith(`${directory}/`))
      if (last === undefined) return
      sys.detachMount(last.at)
    }
  })
  directory = scratchDirectory()
  return directory
}
