import { Fault, isFault, run, type RunResult } from '../../../kit/index.ts'
import type { Place } from '../../mode.ts'

const compressions: Readonly<Record<Place['settings']['squashfsCompression'], readonly string[]>> = {
  none: ['-noI', '-noId', '-noD', '-noF', '-noX'],
  gzip: ['-comp', 'gzip'],
  lzo: ['-comp', 'lzo'],
  xz: ['-comp', 'xz'],
  zstd: ['-comp', 'zstd'],
}

/** Throws `unsupported` where the tools are not installed. */
export async function checkTools(place: Place): Promise<void> {
  for (const tool of ['mksquashfs', 'unsquashfs'] as const) {
    try {
      await run([tool, '-version'], { signal: place.signal })
    } catch (error) {
      if (!isFault(error, 'unsupported')) throw error
      place.report({ kind: 'note', level: 'warning', event: 'squashfs_tools_missing', text: `${tool} is not installed` })
      throw new Fault('unsupported', 'Squashfs mode selected but squashfs-tools is not installed.', {
        hint: 'Install squashfs-tools: sudo apt install squashfs-tools',
        cause: error,
      })
    }
  }
}

/** Packs the live directory into a new image, with all processors. Says which attributes an image cannot hold. */
export async function packTree(place: Place, image: string): Promise<void> {
  const { squashfsCompression } = place.settings
  const result = await run(
    ['mksquashfs', place.live, image, '-noappend', '-no-progress', '-quiet', '-xattrs', ...compressions[squashfsCompression]],
    { signal: place.signal, holds: place.lock },
  )
  const said = linesOf(result)
  const unread = said.find((line) => /failed to read|cannot (?:open|stat|read)|could not (?:open|read)/i.test(line))
  if (result.status !== 0 || unread !== undefined) throw failed('mksquashfs', place.live, result, unread)
  const foreign = said.filter((line) => /xattr/i.test(line))
  if (foreign.length > 0) {
    const text = `an image cannot hold some extended attributes, as access control lists, and does not: ${foreign[0]!}`
    place.report({ kind: 'note', level: 'warning', text })
  }
}

/** Unpacks an image into a directory that is not there yet. */
export async function unpackTree(place: Place, image: string, target: string): Promise<void> {
  const result = await run(['unsquashfs', '-no-progress', '-quiet', '-xattrs', '-dest', target, image], {
    signal: place.signal,
    holds: place.lock,
  })
  if (result.status !== 0) throw failed('unsquashfs', target, result)
}

function linesOf({ stderr, stdout }: RunResult): string[] {
  return `${stderr}\n${stdout}`.split('\n').filter((line) => line.trim() !== '')
}

function failed(tool: string, at: string, result: RunResult, told?: string): Fault {
  const said = told ?? linesOf(result).slice(-3).join('; ')
  if (/no space left|disk quota/i.test(said)) {
    return new Fault('unavailable', `${tool} has no room: ${said}`, { at, hint: 'free some space and run it again' })
  }
  if (told === undefined) return new Fault('unavailable', `${tool} ended with status ${result.status}: ${said}`, { at })
  return new Fault('denied', `${tool} could not read all of it: ${said}`, {
    at,
    hint: 'check who may read it, and that nothing writes there meanwhile',
  })
}
