import { Fault } from '../../kit/index.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import { refName } from './folder.ts'

/** The entry that a name means; without one, the only image there is. Throws `not-found`, or `invalid` where several are meant. */
export function chooseEntry(at: string, entries: readonly ImageDescriptor[], ref: string | undefined): ImageDescriptor {
  const found = ref === undefined ? entries : entries.filter(({ annotations }) => annotations?.[refName] === ref)
  const [only, second] = found
  if (only !== undefined && (second === undefined || found.every(({ digest }) => digest === only.digest))) return only
  const names = entries.flatMap(({ annotations }) => annotations?.[refName] ?? [])
  const hint = names.length === 0 ? undefined : `it has ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}`
  if (only !== undefined)
    throw new Fault('invalid', `several images are meant${ref === undefined ? ': say which' : ` by ${ref}`}`, { at, hint })
  throw new Fault('not-found', ref === undefined ? 'it has no image' : `it has no image ${ref}`, {
    at,
    hint,
  })
}
