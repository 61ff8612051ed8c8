import path from 'node:path'
import { type ByteText, Fault, shownName } from '../../kit/index.ts'

const maxLinks = 40

/** A member's name without `./` and doubled slashes. Throws `corrupt` for one that leads out of the archive. */
export function memberName(name: ByteText): string {
  return inside(name, name)
}

/** What a link of the archive stands for: a hard link's target is a member's name, a symbolic link's begins where the link is. */
export function linkTarget(name: string, link: ByteText, isSymbolic: boolean): string {
  if (link.startsWith('/')) throw leadsOut(`${name} -> ${link}`)
  return inside(isSymbolic ? path.posix.join(path.posix.dirname(name), link) : link, `${name} -> ${link}`)
}

/** The name of the content behind a name. Throws `corrupt` for links that go in a circle. */
export function followLinks(links: ReadonlyMap<string, string>, name: string): string {
  let at = name
  for (let steps = 0; steps <= maxLinks; steps++) {
    const target = links.get(at)
    if (target === undefined) return at
    at = target
  }
  throw new Fault('corrupt', `the archive has more than ${maxLinks} links behind one another at ${shown(name)}`)
}

/** For messages. */
export function shown(name: ByteText): string {
  return JSON.stringify(shownName(name.slice(0, 300)))
}

function inside(name: ByteText, said: ByteText): string {
  const plain = path.posix.normalize(name).replace(/\/$/, '')
  if (name.startsWith('/') || plain === '..' || plain.startsWith('../')) throw leadsOut(said)
  return plain
}

function leadsOut(said: ByteText): Fault {
  return new Fault('corrupt', `a name of the archive leads out of it: ${shown(said)}`)
}
