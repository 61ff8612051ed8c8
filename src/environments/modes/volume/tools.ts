import { closeSync, existsSync } from 'node:fs'
import { Fault, isFault, run } from '../../../kit/index.ts'
import { realSys as sys } from '../../../kit/sys/index.ts'
import type { Place } from '../../mode.ts'
import { isNamespaceRoot } from '../../switch/namespace.ts'

const packages = { btrfs: { name: 'btrfs-progs', tool: 'mkfs.btrfs' }, xfs: { name: 'xfsprogs', tool: 'mkfs.xfs' } } as const

/** Throws `unsupported` where volumes cannot be made or mounted, with the line that would enable it. */
export async function checkVolume({ settings }: Place): Promise<void> {
  const { name, tool } = packages[settings.volume.fileSystem]
  try {
    await run([tool, '-V'])
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    throw new Fault('unsupported', `Volume mode selected but ${name} is not installed.`, {
      hint: `Install ${name}: sudo apt install ${name}`,
      cause: error,
    })
  }
  const refuse = (why: string, hint: string, cause?: unknown): never => {
    throw new Fault('unsupported', `Volume mode selected but ${why}.`, { hint, cause })
  }
  const missing = sys.whyMissing()
  if (missing !== undefined) refuse(`mounts cannot be made: ${missing}`, 'set mode = "filesystem"')
  if (isNamespaceRoot()) refuse('a user namespace has no loop devices', 'run it as root (sudo), or set mode = "overlay"')
  if (!existsSync('/dev/loop-control')) refuse('this machine has no loop devices', 'load them: sudo modprobe loop')
  try {
    // A mount that stands nowhere, and goes at once: nobody sees it.
    closeSync(sys.createMount({ type: 'tmpfs', source: 'holdfast' }))
  } catch (error) {
    refuse('this user may not mount', 'run it as root (sudo), or set mode = "filesystem"', error)
  }
}
