import { randomBytes } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { hostname } from 'node:os'
import { digestOf, diskFault, errno, hexOf } from '../kit/index.ts'

const form = /^([0-9a-f]{8})-([1-9][0-9]{0,9})-([0-9]{1,20})-[0-9a-f]{8}$/

/** A name for what this process holds, from which any other process of this machine can tell whether it still runs. */
export async function ownerName(): Promise<string> {
  return `${hostPart()}-${process.pid}-${(await startOf(process.pid)) ?? '0'}-${randomBytes(4).toString('hex')}`
}

/** Whether the process of that name has ended. Of another machine's process nobody knows: false, as for any other name. */
export async function hasEnded(owner: string): Promise<boolean> {
  const [, host, pid, start] = form.exec(owner) ?? []
  if (host !== hostPart() || pid === undefined) return false
  const present = await startOf(Number(pid))
  if (present !== undefined) return present !== start
  return start !== '0' || !runs(Number(pid))
}

function hostPart(): string {
  return hexOf(digestOf(hostname())).slice(0, 8)
}

/** When a process began, in ticks since the machine's start: with its number it is used once. Undefined where there is no such process, or no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8')
    // proc(5): field 22; the second field is in parentheses and may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ESRCH') return undefined
    throw diskFault(error, `/proc/${pid}/stat`, 'read it')
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errno(error) !== 'ESRCH'
  }
}
