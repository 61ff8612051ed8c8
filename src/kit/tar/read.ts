import { type ByteText, shownName } from '../byte-text.ts'
import { Fault } from '../fault.ts'
import { readHeader, type TarHeader } from './header.ts'
import { parsePax, type PaxFields } from './pax.ts'
import { createSource, type TarSource } from './source.ts'

export type TarMemberType = 'file' | 'hardlink' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo' | 'other'

export interface TarMember {
  readonly name: ByteText
  readonly type: TarMemberType
  /** What a link points to; empty for all else. */
  readonly link: ByteText
  /** Bytes of content. */
  readonly size: number
  /** Bytes of the archive before the content. */
  readonly offset: number
  /** Once, and before the next member is asked for, which skips what is left. The pieces are the reader's own until it asks for more. */
  readonly content: AsyncIterable<Uint8Array>
}

const maxExtendedBytes = 1 << 20

const types: Readonly<Record<string, TarMemberType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
}
/** Whatever their headers say of a size, nothing follows. */
const empty = new Set(['1', '2', '3', '4', '5', '6'])

/**
 * The members in the order of the archive, up to its end mark or, as old archives lack it, a clean end of the bytes. Throws
 * `corrupt` for what is no tar, is damaged or ends early, and `unsupported` for GNU's old form of sparse files.
 */
export async function* readTar(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember> {
  const source = createSource(bytes)
  try {
    const globals: PaxFields = {}
    for (;;) {
      const found = await nextHeader(source, globals)
      if (found === undefined) return
      const { header, fields } = found
      if (header.flag === 'S')
        throw new Fault(
          'unsupported',
          `the archive has a sparse file in GNU's old form: ${JSON.stringify(shownName((fields.path ?? header.name).slice(0, 100)))}`,
        )
      const size = empty.has(header.flag) ? 0 : (fields.size ?? header.size)
      const content = source.content(size)
      const offset = source.position()
      const name = fields.path ?? header.name
      // A v7 archive has no flag for directories.
      const type = header.flag !== '5' && header.flag !== '2' && name.endsWith('/') ? 'directory' : (types[header.flag] ?? 'other')
      yield { name, type, size, offset, link: type === 'symlink' || type === 'hardlink' ? (fields.linkpath ?? header.link) : '', content }
      await content.skip()
      await source.pad(size)
    }
  } finally {
    await source.close()
  }
}

/** The next header of a member, with what the headers before it say about it. */
async function nextHeader(source: TarSource, globals: PaxFields): Promise<{ header: TarHeader; fields: PaxFields } | undefined> {
  const own: PaxFields = {}
  for (let extended = 0; ; extended++) {
    const block = await source.block(extended === 0)
    const header = block === undefined ? undefined : readHeader(block)
    if (header === undefined) {
      if (extended > 0) throw new Fault('corrupt', 'the archive ends after an extended header, before the member that it describes')
      return undefined
    }
    if (!'xgLKV'.includes(header.flag)) return { header, fields: { ...globals, ...own } }
    if (header.size > maxExtendedBytes) {
      throw new Fault('corrupt', `an extended header of the archive is larger than its limit of ${maxExtendedBytes} bytes`)
    }
    const text = await source.bytes(header.size)
    await source.pad(header.size)
    if (header.flag === 'x') Object.assign(own, parsePax(text))
    else if (header.flag === 'g') Object.assign(globals, parsePax(text))
    else if (header.flag === 'L') own.path = untilNul(text)
    else if (header.flag === 'K') own.linkpath = untilNul(text)
  }
}

function untilNul(bytes: Buffer): ByteText {
  const end = bytes.indexOf(0)
  return bytes.toString('latin1', 0, end < 0 ? bytes.byteLength : end)
}
