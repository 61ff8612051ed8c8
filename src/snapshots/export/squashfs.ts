import type { Entry } from '../tree/entry.ts'
import { Fault, isFault, run } from '../../kit/index.ts'
import type { Losses } from './losses.ts'
import type { Member } from './members.ts'

const tool = 'mksquashfs'
const hint = 'install squashfs-tools 4.5 or newer, for example: apt-get install squashfs-tools'

/** Throws `unsupported` where the program is not installed, or is too old to read tar archives. */
export async function probeSquashfs(signal?: AbortSignal): Promise<void> {
  const missing = (why: string, cause?: unknown) =>
    new Fault('unsupported', `a squashfs image is made by ${tool}, which ${why}`, { hint, cause })
  try {
    const { stdout, stderr } = await run([tool, '-help'], { signal })
    if (!/^-tar\b/m.test(stdout + stderr)) throw missing('is too old here to read tar archives')
  } catch (error) {
    throw isFault(error, 'unsupported') && error.at === tool ? missing('is not installed', error) : error
  }
}

/**
 * Members as an image can hold them: whole seconds from 1970 until the snapshot was made (the program takes nothing later where it is to
 * make the same image each time), and extended attributes of three kinds. The root is no member.
 */
export async function* squashfsMembers(members: AsyncIterable<Member>, made: number, losses: Losses): AsyncGenerator<Member> {
  for await (const member of members) {
    const { entry, path, linkTo } = member
    if (path === '') {
      if ((entry.xattrs?.length ?? 0) > 0) losses.note('roots without their extended attributes')
      continue
    }
    if (linkTo !== undefined) {
      yield member
      continue
    }
    const xattrs = entry.xattrs?.filter(({ name }) => /^(?:user|trusted|security)\.[^%=]+$/.test(name))
    const left = (entry.xattrs?.length ?? 0) - (xattrs?.length ?? 0)
    if (left > 0) losses.note('extended attributes of names that an image cannot hold, left out', left)
    yield { ...member, entry: { ...entry, xattrs, mtimeNs: timeIn(entry, made, losses) } }
  }
}

function timeIn({ mtimeNs }: Entry, made: number, losses: Losses): bigint {
  const seconds = mtimeNs / 1_000_000_000n
  if (mtimeNs >= 0n && seconds <= made) return seconds * 1_000_000_000n
  losses.note('times before 1970 or after the snapshot was made, the nearest possible instead')
  return mtimeNs < 0n ? 0n : BigInt(made) * 1_000_000_000n
}

/**
 * Makes an image of a tar archive in a file; `root` is its root, and `made` (seconds since 1970) the time of the image and its root. Program
 * versions before 4.6 let the root belong to whoever runs them.
 */
export async function makeSquashfs(
  tar: AsyncIterable<Uint8Array>,
  file: string,
  { root, made, signal }: { root: Pick<Entry, 'mode' | 'uid' | 'gid'>; made: number; signal: AbortSignal | undefined },
): Promise<void> {
  // The program takes the time from the environment alone.
  const program = [
    'env',
    `SOURCE_DATE_EPOCH=${made}`,
    tool,
    '-',
    file,
    '-tar',
    '-noappend',
    '-exit-on-error',
    '-quiet',
    '-no-progress',
  ] as const
  const compression = ['-comp', 'zstd', '-Xcompression-level', '3']
  const rootOptions = ['-root-mode', root.mode.toString(8), '-root-uid', String(root.uid), '-root-gid', String(root.gid)]
  const result = await run([...program, ...compression, ...rootOptions], { input: tar, signal })
  if (result.status === 0) return
  const said = result.tail.filter((line) => line.trim() !== '').slice(-3)
  throw new Fault('unavailable', `${tool} ended with status ${result.status}: ${said.join('; ') || 'it said nothing'}`, { at: file })
}
