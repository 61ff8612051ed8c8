import { stripVTControlCharacters } from 'node:util'
import type { MetadataKeys, RunMetadata } from './settings.ts'

/** Characters. What a line has beyond them is no part of a block. */
const longestLine = 4096
/** Lines from a block's first to its last. */
const longestBlock = 64

export interface BlockReader {
  /** Takes the next piece of a log; the metadata as soon as a complete block has ended. */
  take(piece: Uint8Array): RunMetadata | undefined
  /** The log has ended: what stands may be complete. */
  end(): RunMetadata | undefined
}

/**
 * Reads a log of GitHub Actions, as it comes, for its first complete metadata block: lines `Key: value` one after another that have every required
 * key. Times, colours and the columns of `gh run view --log` before a line do not matter. The source of a script, which GitHub prints before what the script prints,
 * is no block, and neither is a value that a shell was yet to fill in.
 */
export function readBlocks(keys: MetadataKeys): BlockReader {
  const decoder = new TextDecoder()
  const blocks = blockLines(keys)
  const marks = ['##[', ...new Set([...keys.keys, ...keys.required, keys.tag])]
  let rest = ''
  const lines = (text: string): RunMetadata | undefined => {
    const whole = rest + text
    // Nearly all of a log is of no interest.
    if (blocks.isIdle() && !marks.some((mark) => whole.includes(mark))) {
      rest = whole.slice(Math.max(whole.lastIndexOf('\n'), whole.lastIndexOf('\r')) + 1).slice(0, longestLine)
      return undefined
    }
    const parts = whole.split(/\r?\n|\r/)
    rest = parts.pop()!.slice(0, longestLine)
    for (const line of parts) {
      const found = blocks.take(line.slice(0, longestLine))
      if (found !== undefined) return found
    }
    return undefined
  }
  return {
    take: (piece) => lines(decoder.decode(piece, { stream: true })),
    // The empty line ends a block.
    end: () => lines(`${decoder.decode()}\n`) ?? blocks.take('end of the log'),
  }
}

interface BlockLines {
  /** Takes a log's next line. */
  take(line: string): RunMetadata | undefined
  /** Whether it waits for a line with a key or a group's mark, whatever else comes. */
  isIdle(): boolean
}

function blockLines(keys: MetadataKeys): BlockLines {
  const known = new Set([...keys.keys, ...keys.required, keys.tag])
  let isSource = false
  let fields = new Map<string, string>()
  let length = 0
  const ended = (): RunMetadata | undefined => {
    const found = completed(fields, keys)
    fields = new Map()
    length = 0
    return found
  }
  const take = (line: string) => {
    const text = textOf(line)
    if (text.startsWith('##[group]')) isSource = text.startsWith('##[group]Run ')
    if (text.startsWith('##[endgroup]')) isSource = false
    if (isSource) return ended()
    const [key, value] = fieldOf(text)
    if (key !== undefined && known.has(key)) {
      const isAnother = fields.has(key) && fields.get(key) !== value
      const before = isAnother || isUnfilled(value) ? ended() : undefined
      if (!isUnfilled(value)) fields.set(key, value)
      return before
    }
    // Ornaments and keys that nobody knows yet may stand between.
    return fields.size > 0 && ++length < longestBlock && (key !== undefined || /^[-=*_#\s]*$/.test(text)) ? undefined : ended()
  }
  return { take, isIdle: () => fields.size === 0 }
}

const time = /^\uFEFF?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z /

function textOf(line: string): string {
  // `job<TAB>step<TAB>time text`, as `gh run view --log` writes it.
  const columns = line.split('\t')
  const own = columns.length > 2 && time.test(columns[2]!) ? columns.slice(2).join('\t') : line
  return stripVTControlCharacters(own.replace(time, '')).trim()
}

/** `Key   : value`. */
function fieldOf(text: string): readonly [key: string, value: string] | readonly [undefined, ''] {
  const [, key, value] = /^([A-Za-z][\w ./()-]{0,63}?)\s*:\s+(.*)$/.exec(text) ?? []
  return key === undefined ? [undefined, ''] : [key, value!]
}

/** A shell's variable or command, as in a script's source, or what GitHub masked. */
function isUnfilled(value: string): boolean {
  return value === '' || /\$[\w{(]|`|\*\*\*/.test(value)
}

function completed(fields: ReadonlyMap<string, string>, { required, tag }: MetadataKeys): RunMetadata | undefined {
  const named = fields.get(tag)
  if (named === undefined || !required.every((key) => fields.has(key))) return undefined
  return isImageTag(named) ? { tag: named, fields: Object.fromEntries(fields) } : undefined
}

/** As registries take it (OCI distribution-spec 1.1, "Pulling manifests"). */
export function isImageTag(text: string): boolean {
  return /^\w[\w.-]{0,127}$/.test(text)
}
