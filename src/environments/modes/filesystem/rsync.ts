import { Fault, isFault, type Report, run } from '../../../kit/index.ts'

/** Owners by number, hard links, access lists, extended attributes; and times compared to the nanosecond, not to the second. */
const always = ['-aHAX', '--delete', '--numeric-ids', '--modify-window=-1', '--stats', '--no-human-readable']

export interface RsyncOptions {
  /** Compare every byte, whatever size and time say. */
  readonly checksum?: boolean | undefined
  /** Leave holes where there are zeros. */
  readonly sparse: boolean
  readonly signal: AbortSignal | undefined
  /** `Place.lock` */
  readonly lock: number | undefined
}

export interface RsyncResult {
  /** Bytes of files that were written. */
  readonly written: number
  readonly added: number
  readonly changed: number
  readonly removed: number
}

/** Throws `unsupported`, in the words that the documentation promises, where there is no rsync. */
export async function checkRsync(report: Report): Promise<void> {
  try {
    await run(['rsync', '--version'])
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    report({ kind: 'note', level: 'warning', event: 'rsync_not_found', text: 'rsync is not installed' })
    throw new Fault('unsupported', 'Filesystem mode selected but rsync is not installed.', {
      hint: 'Install rsync: sudo apt install rsync',
      cause: error,
    })
  }
}

/** Makes the directory `to` what `from` is, by the system's rsync. It may be ended and run again. */
export async function runRsync(from: string, to: string, { checksum = false, sparse, signal, lock }: RsyncOptions): Promise<RsyncResult> {
  const options = [...(checksum ? ['--checksum'] : []), ...(sparse ? ['--sparse'] : [])]
  const { status, stdout, stderr } = await run(['rsync', ...always, ...options, '--', `${from}/`, `${to}/`], { signal, holds: lock })
  if (status !== 0) throw failure(status, stderr, to)
  return {
    written: countOf(stdout, 'Literal data'),
    added: countOf(stdout, 'Number of created files'),
    changed: Math.max(0, countOf(stdout, 'Number of regular files transferred') - countOf(stdout, 'Number of created files', 'reg')),
    removed: countOf(stdout, 'Number of deleted files'),
  }
}

/** `Literal data: 123 bytes`, `Number of created files: 3 (reg: 2, dir: 1)`: all, or those of one kind. */
function countOf(stdout: string, title: string, kind?: 'reg'): number {
  const before = kind === undefined ? '' : `.*\\b${kind}: `
  return Number(new RegExp(`^${title}: ${before}(\\d+)`, 'm').exec(stdout)?.[1] ?? 0)
}

/** rsync(1), exit values. */
function failure(status: number, stderr: string, at: string): Fault {
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('rsync: ') || line.startsWith('file has vanished'))
  const said = (lines.length > 0 ? lines : stderr.trim().split('\n')).slice(0, 3).join('; ')
  if (/No space left|Disk quota/.test(stderr)) {
    return new Fault('unavailable', `there is no room for what rsync copies: ${said}`, { at, hint: 'free some space and run it again' })
  }
  if (status === 24) {
    return new Fault('busy', `files went away while rsync copied them: ${said}`, {
      at,
      hint: 'stop what writes there meanwhile (a hook can do it)',
    })
  }
  if (/Permission denied|Operation not permitted/.test(stderr)) {
    return new Fault('denied', `rsync may not copy all of it: ${said}`, { at, hint: 'run it as the owner of these files, or as root' })
  }
  return new Fault('unavailable', `rsync ended with status ${status}: ${said}`, { at })
}
