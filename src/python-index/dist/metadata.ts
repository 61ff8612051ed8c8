import { Fault } from '../../kit/index.ts'
import { isProjectName, squash } from '../names/project-name.ts'
import { normaliseVersion } from '../names/version.ts'
import { quoted } from './refusal.ts'

/** What an index needs of a METADATA or PKG-INFO. https://packaging.python.org/en/latest/specifications/core-metadata/ */
export interface CoreMetadata {
  /** As written. */
  readonly name: string
  /** As written. */
  readonly version: string
  readonly requiresPython?: string | undefined
  /** `Requires-Dist`, as written but for folds. */
  readonly requires: readonly string[]
  /** `Provides-Extra`, normalised. Those that are no names are left out: no requirement can ask for one. */
  readonly extras: readonly string[]
}

export const maxMetadataBytes = 1 << 20

/** Fields that this reads and that stand once at most: of two, each reader could take another. */
const single = new Set(['metadata-version', 'name', 'version', 'requires-python'])

/**
 * Reads core metadata as Python's own tools do, UTF-8 of at most 1 MiB: fields up to the first line that is none, by names
 * in any case, with lines that begin with a space as parts of the one before. Throws `invalid` with what is wrong, for people.
 */
export function parseMetadata(bytes: Uint8Array): CoreMetadata {
  if (bytes.byteLength > maxMetadataBytes) throw wrong(`is larger than its limit of ${maxMetadataBytes} bytes`)
  const fields = readFields(decode(bytes))
  const name = fields.get('name')?.[0]
  const version = fields.get('version')?.[0]
  if (name === undefined || name === '') throw wrong('says no Name')
  if (version === undefined || version === '') throw wrong('says no Version')
  if (!isProjectName(name)) throw wrong(`says a Name that is none: ${quoted(name)}`)
  if (normaliseVersion(version) === undefined) throw wrong(`says a Version that is none (PEP 440): ${quoted(version)}`)
  const requiresPython = fields.get('requires-python')?.[0]
  const extras = (fields.get('provides-extra') ?? []).filter(isProjectName).map(squash)
  return {
    name,
    version,
    ...(requiresPython === undefined || requiresPython === '' ? {} : { requiresPython }),
    requires: fields.get('requires-dist') ?? [],
    extras: [...new Set(extras)],
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw wrong('is not UTF-8')
  }
}

/** Values by the lower-case names of their fields. */
function readFields(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  let open: { name: string; lines: string[] } | undefined
  const close = () => {
    if (open !== undefined) addField(fields, open.name, open.lines)
    open = undefined
  }
  for (const line of linesOf(text)) {
    if (/^[ \t]/.test(line)) {
      open?.lines.push(line)
      continue
    }
    close()
    // The envelope of a mailbox, and a field without a name: Python's parser passes over both.
    if (/^(?:From |:)/.test(line)) continue
    // RFC 822, 3.1.2: printable characters but the colon. An empty line, or one that is no field, ends them: what follows is the description.
    const field = /^([!-9;-~]+):(.*)$/s.exec(line)
    if (field === null) break
    open = { name: field[1]!.toLowerCase(), lines: [field[2]!] }
  }
  close()
  return fields
}

function* linesOf(text: string): Generator<string> {
  const form = /([^\r\n]*)(?:\r\n|\r|\n)/y
  let end = 0
  for (let found = form.exec(text); found !== null; found = form.exec(text)) {
    end = form.lastIndex
    yield found[1]!
  }
  if (end < text.length) yield text.slice(end)
}

function addField(fields: Map<string, string[]>, name: string, lines: readonly string[]): void {
  const isRead = single.has(name) || name === 'requires-dist' || name === 'provides-extra'
  if (!isRead) return
  const value = lines
    .map((line) => line.trim())
    .join(' ')
    .trim()
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(value)) throw wrong(`has a control character in ${name}`)
  const values = fields.get(name)
  if (values === undefined) fields.set(name, [value])
  else if (single.has(name)) throw wrong(`says ${name} twice`)
  else values.push(value)
}

function wrong(what: string): Fault {
  return new Fault('invalid', `its metadata ${what}`)
}
