import { Fault } from '../../kit/index.ts'
import type { ZipEntry } from '../../kit/zip/index.ts'
import type { ObjectInfo, ObjectStore, Signal } from '../../store/index.ts'
import { checkAgreement, isFolderOf, type Named } from './agreement.ts'
import { type CoreMetadata, maxMetadataBytes, parseMetadata } from './metadata.ts'
import { type ObjectZip, openObjectZip, type SeenObject } from './object-zip.ts'
import { placed, quoted } from './refusal.ts'

export interface WheelContent {
  /** The bytes of METADATA, as they are in the wheel. */
  readonly metadata: Uint8Array
  readonly core: CoreMetadata
  /** With the digest where the place tells it, and of a wheel that was small enough to be read whole. */
  readonly info: ObjectInfo
}

/**
 * What a wheel says of itself (PEP 427). Asks for the last 66 KiB, which is all for most wheels; where the directory or METADATA lies before
 * that, for those too: three requests, five for the strangest.
 *
 * Throws `invalid` for what is wrong with the file, in words for people: no zip, not one dist-info folder of the name and version
 * of the file, no METADATA that agrees with them, anything past its limit. Everything else is trouble with the store: `precondition`
 * and `not-found` where the object is no longer the one that was listed.
 */
export async function readWheelMetadata(store: ObjectStore, seen: SeenObject, wheel: Named, options: Signal = {}): Promise<WheelContent> {
  return await placed(`${store.name}/${seen.key}`, async () => {
    const zip = await openObjectZip(store, seen, options)
    const metadata = await zip.read(findMetadata(zip, wheel), maxMetadataBytes)
    const core = parseMetadata(metadata)
    checkAgreement(core, wheel)
    return { metadata, core, info: zip.info }
  })
}

/** Without any of these no installer takes it. */
const needed = ['METADATA', 'WHEEL', 'RECORD']

function findMetadata(zip: ObjectZip, wheel: Named): ZipEntry {
  const folders = new Set<string>()
  const found = new Map<string, ZipEntry>()
  for (const entry of zip.entries) {
    const [folder, name, ...more] = entry.name.split('/', 3)
    if (!folder!.endsWith('.dist-info')) continue
    folders.add(folder!)
    if (name === undefined || more.length > 0 || !needed.includes(name)) continue
    if (found.has(name) && folders.size === 1) throw new Fault('invalid', `it has two files ${quoted(entry.name)}`)
    found.set(name, entry)
  }
  const [folder, ...others] = folders
  if (folder === undefined) throw new Fault('invalid', 'it has no .dist-info folder')
  if (others.length > 0)
    throw new Fault('invalid', `it has more than one .dist-info folder: ${[...folders].slice(0, 3).map(quoted).join(', ')}`)
  if (!isFolderOf(folder.slice(0, -'.dist-info'.length), wheel)) {
    throw new Fault('invalid', `its folder ${quoted(folder)} is not that of ${wheel.name} ${wheel.version}, as the file is named`)
  }
  const missing = needed.find((name) => !found.has(name))
  if (missing !== undefined) throw new Fault('invalid', `it has no ${missing} in ${quoted(folder)}`)
  return found.get('METADATA')!
}
