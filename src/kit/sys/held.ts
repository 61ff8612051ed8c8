import { closeSync, constants, existsSync, openSync, readdirSync } from 'node:fs'
import { type ByteText, compareNames, joinBytes, shownName, systemPath } from '../byte-text.ts'
import { diskFault } from '../disk.ts'

/**
 * A directory that is held open: all that is done in it goes through `path`, which means this very directory whatever its name comes to
 * stand for meanwhile. So nothing that is put in the way, a link above all, leads out of it.
 */
export interface Held {
  readonly fd: number
  readonly path: ByteText
  /** For people. */
  readonly name: ByteText
}

const directoryOnly = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const byDescriptor = '/proc/self/fd'
let hasDescriptors: boolean | undefined

/** Opens the directory at the top. Its own name may be a link, which whoever named it meant. */
export function holdTop(directory: ByteText): Held {
  return held(directory, directory, directory)
}

/** Opens a directory of a held one. A link in its place is `invalid`. */
export function holdInner(outer: Held, name: ByteText): Held {
  return held(joinBytes(outer.path, name), joinBytes(outer.name, name), joinBytes(outer.name, name))
}

function held(path: ByteText, name: ByteText, fallback: ByteText): Held {
  try {
    const fd = openSync(systemPath(path), directoryOnly)
    // Without /proc, a name is all there is: links are still refused as it is opened, but not if they come later.
    hasDescriptors ??= existsSync(byDescriptor)
    return { fd, path: hasDescriptors ? `${byDescriptor}/${fd}` : fallback, name }
  } catch (error) {
    throw diskFault(error, shownName(name), 'open the directory')
  }
}

export function letGo({ fd }: Held): void {
  closeSync(fd)
}

/** The names in a directory, in order. Throws the system's own errors. */
export function namesIn(directory: ByteText): ByteText[] {
  return readdirSync(systemPath(directory), { encoding: 'latin1' }).sort(compareNames)
}
