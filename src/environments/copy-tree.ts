import { Fault, run } from '../kit/index.ts'

/**
 * Copies a tree with everything that it has, by the system's cp: owners, modes, times, extended attributes, hard links,
 * holes, special files. `reflink`: share the bytes, and throw `unsupported` where the file system does not. Must not be there before.
 * `lock` as in `Place`.
 */
export async function copyTree(from: string, to: string, how: 'reflink' | 'copy', signal?: AbortSignal, lock?: number): Promise<void> {
  const result = await run(['cp', '-a', '-T', `--reflink=${how === 'reflink' ? 'always' : 'auto'}`, '--', from, to], {
    signal,
    holds: lock,
  })
  if (result.status === 0) return
  const said = result.stderr.trim().split('\n').slice(-3).join('; ')
  if (/no space left|disk quota/i.test(said))
    throw new Fault('unavailable', `there is no room for a copy: ${said}`, { at: to, hint: 'free some space and run it again' })
  throw new Fault(how === 'reflink' ? 'unsupported' : 'unavailable', `cp ended with status ${result.status}: ${said}`, { at: to })
}
